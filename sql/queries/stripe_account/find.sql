-- $1 Stripe's id of an account, $2 vendor that its metadata names (null: none). Whose it is: by its
-- id, else the one named, if that waits for its account.
select vendor_id, status, provider_account_id, clock_timestamp()::text as asked_at
from stripe_accounts
where provider_account_id = $1 or (vendor_id = $2::uuid and status = 'CREATING')
order by provider_account_id is null
limit 1;
