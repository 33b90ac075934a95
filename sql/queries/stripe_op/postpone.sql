-- $1 operation, $2 UNKNOWN, or NEW when it certainly never left us, $3 HTTP status, $4 problem, $5
-- seconds until it is tried again, $6 whether this try was none, since we did not let it out
update stripe_ops set
    state = case when $2 = 'NEW' and tries > 1 then 'UNKNOWN' else $2 end,
    first_sent_at = case when $2 = 'NEW' and tries = 1 then null else first_sent_at end,
    tries = case when $2 = 'NEW' and (tries = 1 or $6::boolean) then tries - 1 else tries end,
    http_status = $3::integer, problem = $4,
    next_at = now() + make_interval(secs => $5::double precision), updated_at = now()
where id = $1::uuid and state in ('NEW', 'SENT', 'UNKNOWN');
