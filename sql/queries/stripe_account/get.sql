-- $1 vendor, $2 seconds after which what is known is old
select vendor_id, attempt, status, provider_account_id,
    checked_at < now() - make_interval(secs => $2::integer) as is_old,
    clock_timestamp()::text as asked_at
from stripe_accounts where vendor_id = $1::uuid;
