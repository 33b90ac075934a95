-- $1 operation, $2 DONE or REJECTED, $3 HTTP status, $4 answer, $5 Stripe's request id. No row:
-- another sending has finished it before.
update stripe_ops set state = $2, http_status = $3::integer, response = $4::jsonb, request_id = $5,
    problem = null, updated_at = now()
where id = $1::uuid and state in ('NEW', 'SENT', 'UNKNOWN')
returning id;
