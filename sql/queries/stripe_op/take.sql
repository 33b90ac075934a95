-- $1 operation, $2 seconds of the lease. For one that is wanted now; no row: it is over.
update stripe_ops set state = 'SENT', tries = tries + 1, updated_at = now(),
    first_sent_at = coalesce(first_sent_at, now()),
    next_at = now() + make_interval(secs => $2::integer)
where id = $1::uuid and state in ('NEW', 'SENT', 'UNKNOWN')
returning id, kind, ref_id, attempt, idempotency_key, path, body, account, api_version, lane, tries,
    first_sent_at < now() - interval '23 hours' as is_old;
