-- $1 refund. What Stripe must be told.
select refunds.id, refunds.order_id, refunds.amount_minor, refunds.cause, refunds.status,
    payments.provider_payment_id
from refunds inner join payments on payments.id = refunds.payment_id
where refunds.id = $1::uuid;
