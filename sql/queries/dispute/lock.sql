-- $1 dispute. What evidence for it must know, with what the order itself can tell.
select
    disputes.id, disputes.payment_id, disputes.provider_dispute_id, disputes.provider_status,
    disputes.evidence_due_at < now() as is_late,
    (
        select string_agg(distinct carrier, ', ') from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_carrier,
    (
        select string_agg(tracking_number, ', ' order by id) from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_tracking_number,
    (
        select to_char(min(shipped_at) at time zone 'UTC', 'YYYY-MM-DD') from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_date,
    (
        select string_agg(quantity || ' x ' || name, ', ' order by id) from order_items
        where order_items.order_id = orders.id
    ) as product_description,
    orders.shipping_address ->> 'name' as customer_name,
    concat_ws(', ', orders.shipping_address ->> 'line1', orders.shipping_address ->> 'line2',
        orders.shipping_address ->> 'postalCode', orders.shipping_address ->> 'city',
        orders.shipping_address ->> 'country') as shipping_address
from disputes
inner join orders on orders.id = disputes.order_id
where disputes.id = $1::uuid
for update of disputes;
