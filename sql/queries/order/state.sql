-- $1 order, $2 buyer or null for anyone's. What a cancellation must know.
select
    orders.id,
    orders.status,
    orders.confirmed_at is not null as is_paid,
    (
        select string_agg(vendor_orders.id::text, ',' order by vendor_orders.id)
        from vendor_orders
        where vendor_orders.order_id = orders.id and vendor_orders.status <> 'CANCELLED'
    ) as parts,
    payments.id as payment_id
from orders
left join payments on payments.order_id = orders.id
    and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
where orders.id = $1::uuid and ($2::uuid is null or orders.buyer_id = $2::uuid);
