-- $1 vendor, $2 first day, $3 last day (UTC)
select
    order_items.product_id as "productId",
    max(order_items.name) as name,
    sum(order_items.quantity) as quantity,
    sum(order_items.line_total_minor)::bigint as "sales.amount",
    vendor_orders.currency as "sales.currency"
from vendor_orders
inner join order_items on order_items.order_id = vendor_orders.order_id
    and order_items.vendor_order_id = vendor_orders.id
where vendor_orders.vendor_id = $1::uuid
    and vendor_orders.confirmed_at >= $2::date::timestamp at time zone 'UTC'
    and vendor_orders.confirmed_at < ($3::date + 1)::timestamp at time zone 'UTC'
    and vendor_orders.status <> 'CANCELLED'
group by order_items.product_id, vendor_orders.currency
order by sum(order_items.line_total_minor) desc, order_items.product_id
limit 10;
