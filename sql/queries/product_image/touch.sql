-- $1 product
update products set version = version + 1, updated_at = now() where id = $1::uuid;
