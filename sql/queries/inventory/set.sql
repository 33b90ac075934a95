-- $1 product, $2 stock
with shelved as (
    update product_stock set stock = $2::integer where product_id = $1::uuid
)
update products
set version = version + 1, updated_at = now()
where id = $1::uuid;
