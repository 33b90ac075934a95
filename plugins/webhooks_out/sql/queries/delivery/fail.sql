-- $1 delivery, $2 status or null, $3 the beginning of the answer or null, $4 problem, $5 pause in
-- seconds
update plugin_webhooks_out.deliveries
set status = $2::integer, answer = $3, problem = $4, attempts = attempts + 1,
    next_at = now() + make_interval(secs => $5::integer), leased_until = null
where id = $1::bigint and state = 'NEW';
