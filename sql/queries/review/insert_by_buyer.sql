-- $1 id, $2 order, $3 buyer, $4 PRODUCT or VENDOR, $5 target, $6 author's name, $7 rating, $8
-- title, $9 body. No row: not delivered, or not in the order.
insert into reviews (
    id, order_id, vendor_order_id, target_kind, target_id, author_kind, author_id, author_name,
    rating, title, body
)
select
    $1::uuid, orders.id, vendor_orders.id, $4, $5::uuid, 'BUYER', $3::uuid, $6, $7::integer, $8, $9
from orders
inner join vendor_orders on vendor_orders.order_id = orders.id
where orders.id = $2::uuid and orders.buyer_id = $3::uuid
    and vendor_orders.status in ('DELIVERED', 'COMPLETED')
    and case $4::text
        when 'VENDOR' then vendor_orders.vendor_id = $5::uuid
        else exists (
            select from order_items
            where order_items.vendor_order_id = vendor_orders.id
                and order_items.order_id = orders.id and order_items.product_id = $5::uuid
        )
    end
returning created_at;
