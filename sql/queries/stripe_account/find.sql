-- $1 Stripe's id of an account
select vendor_id, status, provider_account_id, clock_timestamp()::text as asked_at
from stripe_accounts where provider_account_id = $1;
