-- $1 payment, $2 the PaymentIntent in our words
select outcome, refund_id from payment_apply($1::uuid, $2::jsonb);
