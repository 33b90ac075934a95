-- $1 payment. Vendor orders of its order, with what a payout policy is told of their vendors.
select vendor_orders.id, vendor_orders.vendor_id, vendor_orders.status, vendor_orders.currency,
    vendors.tier, vendors.country
from payments
inner join vendor_orders on vendor_orders.order_id = payments.order_id
inner join vendors on vendors.id = vendor_orders.vendor_id
where payments.id = $1::uuid
order by vendor_orders.id;
