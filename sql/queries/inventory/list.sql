-- $1 product, $2 vendor, $3 $4 cursor, $5 limit, $6 offset
select
    movements.id,
    movements.kind,
    movements.delta,
    movements.stock_after as "stockAfter",
    movements.order_id as "orderId",
    movements.created_at as "createdAt",
    movements.created_at::text as "~sort"
from inventory_movements as movements
inner join products on products.id = movements.product_id
where movements.product_id = $1::uuid
    and ($2::uuid is null or products.vendor_id = $2::uuid)
    and (movements.created_at, movements.id) < (
        coalesce($3::timestamptz, 'infinity'),
        coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by movements.created_at desc, movements.id desc
limit $5::integer offset $6::integer;
