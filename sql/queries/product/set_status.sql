-- $1 id, $2 status
update products
set status = $2, version = version + 1, updated_at = now()
where id = $1::uuid;
