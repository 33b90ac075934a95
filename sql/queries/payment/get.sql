-- $1 payment
select
    payments.id, payments.order_id, payments.number, payments.status, payments.method,
    payments.amount_minor, payments.currency, payments.provider_payment_id,
    payments.quarantined_at is not null as is_quarantined,
    payments.failure_code,
    orders.status as order_status
from payments
inner join orders on orders.id = payments.order_id
where payments.id = $1::uuid;
