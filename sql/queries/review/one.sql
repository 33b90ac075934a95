-- $1 id, $2 who asks, as vendor. Reviews of buyers are for the vendor who wrote them.
select
    id,
    case target_kind when 'PRODUCT' then target_id end as "productId",
    case target_kind when 'VENDOR' then target_id end as "vendorId",
    rating,
    title,
    body,
    author_name as "author.name",
    created_at as "createdAt"
from reviews
where id = $1::uuid and status = 'PUBLISHED'
    and (target_kind in ('PRODUCT', 'VENDOR') or author_id = $2::uuid);
