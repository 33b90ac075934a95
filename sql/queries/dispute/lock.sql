-- $1 dispute. What evidence for it must know, with what the order itself can tell, no longer than
-- Stripe takes it.
select
    disputes.id, disputes.payment_id, disputes.provider_dispute_id, disputes.provider_status,
    disputes.evidence_due_at < now() as is_late,
    (
        select left(string_agg(distinct carrier, ', '), 1200) from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_carrier,
    (
        select left(string_agg(tracking_number, ', ' order by id), 1200) from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_tracking_number,
    (
        select to_char(min(shipped_at) at time zone 'UTC', 'YYYY-MM-DD') from vendor_orders
        where vendor_orders.order_id = orders.id
    ) as shipping_date,
    (
        select left(string_agg(quantity || ' x ' || name, ', ' order by id), 4000)
        from order_items
        where order_items.order_id = orders.id
    ) as product_description,
    orders.shipping_address ->> 'name' as customer_name,
    left(concat_ws(', ', orders.shipping_address ->> 'line1', orders.shipping_address ->> 'line2',
        orders.shipping_address ->> 'postalCode', orders.shipping_address ->> 'city',
        orders.shipping_address ->> 'country'), 1200) as shipping_address
from disputes
inner join orders on orders.id = disputes.order_id
where disputes.id = $1::uuid
for update of disputes;
