-- $1 how many at most, $2 seconds of the lease. Stripe forgets a key after a day: what is older
-- than 23 hours must be looked up and is not sent again.
update stripe_ops set state = 'SENT', tries = tries + 1, updated_at = now(),
    first_sent_at = coalesce(first_sent_at, now()),
    next_at = now() + make_interval(secs => $2::integer)
where id in (
    select id from stripe_ops
    where state in ('NEW', 'SENT', 'UNKNOWN') and next_at <= now()
        and coalesce(first_sent_at, now()) > now() - interval '23 hours'
    order by next_at limit $1::integer
    for update skip locked
)
returning id, kind, ref_id, attempt, idempotency_key, path, body, account, api_version, tries;
