-- $1 product, $2 $3 cursor, $4 limit, $5 offset
select
    movements.id,
    movements.kind,
    movements.delta,
    movements.stock_after as "stockAfter",
    movements.order_id as "orderId",
    movements.created_at as "createdAt",
    movements.created_at::text as "~sort"
from inventory_movements as movements
where movements.product_id = $1::uuid
    and (movements.created_at, movements.id) < (
        coalesce($2::timestamptz, 'infinity'),
        coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by movements.created_at desc, movements.id desc
limit $4::integer offset $5::integer;
