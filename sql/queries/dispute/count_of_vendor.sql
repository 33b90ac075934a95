-- $1 vendor, $2 state or null
select count(*) as total
from vendor_orders
inner join dispute_parts on dispute_parts.vendor_order_id = vendor_orders.id
inner join disputes on disputes.id = dispute_parts.dispute_id
where vendor_orders.vendor_id = $1::uuid and ($2::text is null or disputes.state = $2);
