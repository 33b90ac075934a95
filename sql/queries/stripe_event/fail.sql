-- $1 event, $2 problem, $3 tries after which it is given up: somebody must look.
update stripe_events set tries = tries + 1, problem = $2,
    state = case when tries + 1 >= $3::integer then 'DEAD' else state end,
    next_at = now() + make_interval(secs => 5 * power(2, tries))
where id = $1 and state = 'NEW';
