-- $1 order or null, $2 vendor order or null, $3 vendor or null for anyone's. Whose money it is.
select orders.id as order_id, orders.currency
from orders
where orders.id = coalesce($1::uuid, (
    select vendor_orders.order_id from vendor_orders
    where vendor_orders.id = $2::uuid and ($3::uuid is null or vendor_orders.vendor_id = $3::uuid)
));
