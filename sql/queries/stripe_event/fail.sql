-- $1 event, $2 problem, $3 tries after which it is given up: somebody must look, $4 whether this
-- was a try: what waits for another company or a database is none
update stripe_events set tries = tries + $4::boolean::integer, problem = $2,
    state = case when tries + $4::boolean::integer >= $3::integer then 'DEAD' else state end,
    next_at = now() + make_interval(secs => 5 * power(2, tries))
where id = $1 and state = 'NEW';
