-- $5 hash of the request, $6 seconds until another try may take over. No row: somebody else has it.
insert into idempotency_keys (
    user_id, method, path, key, request_sha256, state, locked_until
)
values ($1::uuid, $2, $3, $4, $5, 'RUNNING', now() + make_interval(secs => $6::integer))
on conflict (user_id, method, path, key) do update
set request_sha256 = excluded.request_sha256,
    state = 'RUNNING',
    status = null,
    body = null,
    location = null,
    locked_until = excluded.locked_until,
    created_at = now()
where idempotency_keys.created_at < now() - interval '24 hours'
    or (
        idempotency_keys.state = 'RUNNING'
        and idempotency_keys.locked_until < now()
        and idempotency_keys.request_sha256 = excluded.request_sha256
    )
returning key;
