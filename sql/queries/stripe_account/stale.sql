-- $1 seconds of silence, $2 how many at most. Accounts that nobody has brought news of.
select vendor_id, provider_account_id, clock_timestamp()::text as asked_at
from stripe_accounts
where status = 'OPEN'
    and greatest(checked_at, updated_at) < now() - make_interval(secs => $1::integer)
order by greatest(checked_at, updated_at)
limit $2::integer;
