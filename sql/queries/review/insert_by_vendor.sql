-- $1 id, $2 order, $3 vendor, $4 buyer, $5 author's name, $6 rating, $7 title, $8 body. No row:
-- not delivered, or not this order's buyer.
insert into reviews (
    id, order_id, vendor_order_id, target_kind, target_id, author_kind, author_id, author_name,
    rating, title, body
)
select
    $1::uuid, orders.id, vendor_orders.id, 'BUYER', $4::uuid, 'VENDOR', $3::uuid, $5, $6::integer,
    $7, $8
from orders
inner join vendor_orders on vendor_orders.order_id = orders.id
where orders.id = $2::uuid and orders.buyer_id = $4::uuid and vendor_orders.vendor_id = $3::uuid
    and vendor_orders.status in ('DELIVERED', 'COMPLETED')
returning created_at;
