-- $5 hash of the request, $6 status, $7 body, $8 Location. A row of more than 24 hours ago is
-- replaced.
insert into idempotency_keys (
    user_id, method, path, key, request_sha256, state, status, body, location
)
values ($1::uuid, $2, $3, $4, $5, 'DONE', $6::integer, $7, $8)
on conflict (user_id, method, path, key) do update
set request_sha256 = excluded.request_sha256,
    state = 'DONE',
    status = excluded.status,
    body = excluded.body,
    location = excluded.location,
    locked_until = null,
    created_at = now();
