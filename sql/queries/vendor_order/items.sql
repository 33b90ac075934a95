-- $1 vendor order, $2 vendor
select order_items.id, order_items.quantity
from vendor_orders
inner join order_items on order_items.order_id = vendor_orders.order_id
    and order_items.vendor_order_id = vendor_orders.id
where vendor_orders.id = $1::uuid and vendor_orders.vendor_id = $2::uuid
order by order_items.id;
