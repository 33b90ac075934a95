-- $1 id, $2 product, $3 url, $4 alt, $5 media type, $6 bytes, $7 width, $8 height. The product's
-- row is locked by the caller.
insert into product_images (
    id, product_id, url, alt, position, media_type, size_bytes, width, height
)
select
    $1::uuid, $2::uuid, $3, $4, coalesce(max(product_images.position), 0) + 1, $5, $6::integer,
    $7::integer, $8::integer
from product_images
where product_images.product_id = $2::uuid
returning id, url, alt, position;
