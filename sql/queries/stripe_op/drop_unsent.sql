-- $1 operation. Gives up a call that has never left us. No row: it has.
update stripe_ops
set state = 'REJECTED', problem = 'given up before it was sent', updated_at = now()
where id = $1::uuid and state = 'NEW' and first_sent_at is null
returning id;
