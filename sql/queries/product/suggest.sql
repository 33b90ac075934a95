-- $1 what was typed, lower case; $2 the same as a like pattern. Names that hold it first, then
-- those that nearly do.
select text, slug, "productId"
from (
    select distinct on (lower(candidates.name))
        candidates.name as text,
        candidates.slug,
        candidates.id as "productId",
        candidates.is_prefix,
        word_similarity($1, lower(candidates.name)) as similarity
    from (
        (
            select products.id, products.name, products.slug, products.vendor_id, true as is_prefix
            from products
            where products.status = 'PUBLISHED' and lower(products.name) like $2
            limit 50
        )
        union all
        (
            select products.id, products.name, products.slug, products.vendor_id, false as is_prefix
            from products
            where products.status = 'PUBLISHED' and $1 <% lower(products.name)
            limit 200
        )
    ) as candidates
    inner join vendors on vendors.id = candidates.vendor_id
    where vendors.status = 'ACTIVE'
    order by lower(candidates.name), candidates.is_prefix desc, candidates.id
) as named
order by named.is_prefix desc, named.similarity desc, named.text, named."productId"
limit $3::integer;
