-- $1 id, $2 vendor, $3 name, $4 slug, $5 description, $6 attributes, $7 price, $8 currency, $9
-- stock, $10 categories, $11 actor
with product as (
    insert into products (
        id, vendor_id, name, slug, description, attributes, price_minor, currency, category_ids
    )
    values (
        $1::uuid, $2::uuid, $3, $4, $5, $6::jsonb, $7::bigint, $8,
        array(select distinct category_id from unnest($10::uuid[]) as w (category_id) order by 1)
    )
    returning id
),
shelved as (
    insert into product_stock (product_id, stock)
    select id, $9::integer from product
),
filed as (
    insert into product_categories (product_id, category_id)
    select distinct product.id, wanted.category_id
    from product, unnest($10::uuid[]) as wanted (category_id)
)
insert into inventory_movements (product_id, kind, delta, stock_after, actor_id)
select product.id, 'INITIAL', $9::integer, $9::integer, $11::uuid
from product;
