-- $1 PaymentIntent, $2 order that it names (null: none). The payment it is of: by its id, else the
-- order's live one that has not heard of its PaymentIntent yet.
select payments.id, payments.status, payments.provider_payment_id
from payments
where payments.provider_payment_id = $1
    or (
        payments.order_id = $2::uuid and payments.provider_payment_id is null
        and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
    )
order by payments.provider_payment_id is null
limit 1;
