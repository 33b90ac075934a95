-- $1 user
select id, role, status from users where id = $1::uuid
for update;
