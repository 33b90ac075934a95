-- $1 PRODUCT or VENDOR, $2 target; $3, $4 cursor; $5 limit, $6 offset
select
    reviews.id,
    reviews.order_id as "~order_id",
    case reviews.target_kind when 'PRODUCT' then reviews.target_id end as "productId",
    case reviews.target_kind when 'VENDOR' then reviews.target_id end as "vendorId",
    reviews.rating,
    reviews.title,
    reviews.body,
    reviews.author_name as "author.name",
    reviews.created_at as "createdAt",
    reviews.created_at::text as "~sort"
from reviews
where reviews.target_kind = $1 and reviews.target_id = $2::uuid and reviews.status = 'PUBLISHED'
    and ($3::timestamptz is null or (reviews.created_at, reviews.id) < ($3::timestamptz, $4::uuid))
order by reviews.created_at desc, reviews.id desc
limit $5::integer offset $6::integer;
