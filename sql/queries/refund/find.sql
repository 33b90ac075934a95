-- $1 Stripe's id of a refund
select id, status from refunds where provider_refund_id = $1;
