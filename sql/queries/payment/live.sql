-- $1 order. The payment that is alive, or none.
select
    payments.id, payments.number, payments.status, payments.method, payments.amount_minor,
    payments.currency, payments.provider_payment_id
from payments
where payments.order_id = $1::uuid
    and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING');
