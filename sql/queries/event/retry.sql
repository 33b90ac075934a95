-- $1 event, $2 consumer, $3 problem, $4 pause in seconds, or null to give up
update event_deliveries set attempts = attempts + 1, problem = $3,
    state = case when $4::integer is null then 'DEAD' else 'NEW' end,
    finished_at = case when $4::integer is null then now() end,
    next_at = now() + make_interval(secs => coalesce($4::integer, 0))
where event_id = $1::bigint and consumer = $2;
