-- $1 how many at most, $2 seconds of the lease. In a lane only the oldest operation that has not
-- ended, due or not: the next one waits for it. is_old: Stripe forgets a key after a day, so what
-- was sent 23 hours ago must be looked up and is not sent again.
update stripe_ops set state = 'SENT', tries = tries + 1, updated_at = now(),
    first_sent_at = coalesce(first_sent_at, now()),
    next_at = now() + make_interval(secs => $2::integer)
where id in (
    select due.id from stripe_ops as due
    where due.state in ('NEW', 'SENT', 'UNKNOWN') and due.next_at <= now()
        and (due.lane is null or not exists (
            select from stripe_ops as older
            where older.lane = due.lane and older.state in ('NEW', 'SENT', 'UNKNOWN')
                and (older.created_at, older.id) < (due.created_at, due.id)
        ))
    order by due.next_at, due.id limit $1::integer
    for update of due skip locked
)
returning id, kind, ref_id, attempt, idempotency_key, path, body, account, api_version, lane, tries,
    first_sent_at < now() - interval '23 hours' as is_old;
