-- $1 product, $2 stock
update products
set stock = $2::integer, version = version + 1, updated_at = now()
where id = $1::uuid;
