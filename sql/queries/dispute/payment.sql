-- $1 charge, $2 PaymentIntent or null. The payment that a dispute is of.
select id, order_id, status, currency, is_live, provider_payment_id
from payments
where provider_payment_id = $2 or charge_id = $1
order by (provider_payment_id = $2) desc nulls last
limit 1;
