-- $1 id
select id, parent_id, name, slug, position from categories where id = $1::uuid
for update;
