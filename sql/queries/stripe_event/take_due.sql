-- $1 how many at most, $2 seconds of the lease
update stripe_events set next_at = now() + make_interval(secs => $2::integer)
where id in (
    select id from stripe_events where state = 'NEW' and next_at <= now()
    order by occurred_at, id limit $1::integer
    for update skip locked
)
returning id, type, payload;
