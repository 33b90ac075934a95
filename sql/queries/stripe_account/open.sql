-- $1 vendor, $2 country
select vendor_id, attempt, status, provider_account_id, country
from stripe_account_open($1::uuid, $2);
