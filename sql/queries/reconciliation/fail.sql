-- $1 reconciliation, $2 why
update reconciliations set status = 'FAILED', finished_at = now(), failure_message = $2
where id = $1::uuid and status = 'RUNNING';
