-- $1 operation, $2 problem. Stripe certainly has nothing of it: another attempt takes its place,
-- under a key of its own. No row: it has ended.
update stripe_ops set state = 'REJECTED', problem = $2, updated_at = now()
where id = $1::uuid and state in ('NEW', 'SENT', 'UNKNOWN')
returning id;
