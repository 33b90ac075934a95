-- $1 ids, $2 a category by id or slug (null: any). Active vendors among them.
select vendor_public.*
from vendor_public
where id = any($1::uuid[])
    and status = 'ACTIVE'
    and (
        $2::text is null
        or exists (
            select from products
            inner join product_categories on product_categories.product_id = products.id
            where products.vendor_id = vendor_public.id
                and products.status = 'PUBLISHED'
                and product_categories.category_id = any(category_ids($2))
        )
    );
