-- $1 PaymentIntent, $2 payment that its metadata names (null: none). The payment it is of: by its
-- id, else the one named, if that has not heard of its PaymentIntent yet.
select id, status, provider_payment_id
from payments
where provider_payment_id = $1 or (id = $2::uuid and provider_payment_id is null)
order by provider_payment_id is null
limit 1;
