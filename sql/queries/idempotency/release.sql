delete from idempotency_keys
where user_id = $1::uuid and method = $2 and path = $3 and key = $4 and state = 'RUNNING';
