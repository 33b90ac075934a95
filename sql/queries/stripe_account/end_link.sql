-- $1 operation. Nobody waits for its link any more.
update stripe_ops set state = 'REJECTED', problem = 'nobody waits for it', updated_at = now()
where id = $1::uuid and kind in ('account_link', 'login_link')
    and state in ('NEW', 'SENT', 'UNKNOWN');
