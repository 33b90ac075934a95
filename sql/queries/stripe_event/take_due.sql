-- $1 how many at most, $2 seconds of the lease. Of each object only the oldest event that has not
-- ended, due or not: the next one waits for it.
update stripe_events set next_at = now() + make_interval(secs => $2::integer)
where id in (
    select due.id from stripe_events as due
    where due.state = 'NEW' and due.next_at <= now()
        and not exists (
            select from stripe_events as older
            where older.state = 'NEW' and older.object_id = due.object_id
                and (older.occurred_at, older.id) < (due.occurred_at, due.id)
        )
    order by due.occurred_at, due.id limit $1::integer
    for update of due skip locked
)
returning id, endpoint, type, payload;
