-- $1 product, $2 the categories it is in from now on
with wanted as (
    select distinct category_id from unnest($2::uuid[]) as w (category_id)
),
gone as (
    delete from product_categories
    where product_id = $1::uuid and category_id not in (select category_id from wanted)
)
insert into product_categories (product_id, category_id)
select $1::uuid, wanted.category_id from wanted
on conflict (product_id, category_id) do nothing;
