-- Every category with the number of products on sale in it and below it, parents before children.
with recursive above as (
    select
        categories.id as category_id,
        categories.id as ancestor_id,
        categories.parent_id,
        0 as depth
    from categories
    union all
    select above.category_id, parents.id, parents.parent_id, above.depth + 1
    from above
    inner join categories as parents on parents.id = above.parent_id
),
counts as (
    select above.ancestor_id as category_id, count(distinct products.id) as products
    from above
    inner join product_categories on product_categories.category_id = above.category_id
    inner join products on products.id = product_categories.product_id
    inner join vendors on vendors.id = products.vendor_id
    where products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
    group by above.ancestor_id
)
select
    categories.id,
    categories.parent_id as "parentId",
    categories.name,
    categories.slug,
    categories.position,
    coalesce(counts.products, 0) as "productCount"
from categories
left join counts on counts.category_id = categories.id
order by
    (select max(above.depth) from above where above.category_id = categories.id),
    categories.position, categories.name, categories.id;
