-- $1 order or null, $2 one of its vendor orders or null
select vendor_orders.order_id, vendor_orders.vendor_id, vendor_orders.currency, vendors.tier,
    vendors.country
from vendor_orders
inner join vendors on vendors.id = vendor_orders.vendor_id
where vendor_orders.order_id = coalesce($1::uuid, (
        select one.order_id from vendor_orders as one where one.id = $2::uuid
    ))
    and ($2::uuid is null or vendor_orders.id = $2::uuid);
