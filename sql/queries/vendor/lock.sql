-- $1 id
select id, user_id, status from vendors where id = $1::uuid
for update;
