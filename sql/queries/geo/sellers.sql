-- $1 vendors, $2 a category by id. Those of them with a published product in it or below it.
select sellers.id
from unnest($1::uuid[]) as sellers (id)
where exists (
    select from products
    inner join product_categories on product_categories.product_id = products.id
    where products.vendor_id = sellers.id
        and products.status = 'PUBLISHED'
        and product_categories.category_id = any((select category_ids($2))::uuid[])
);
