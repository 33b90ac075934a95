select request_sha256, state, status, body, location
from idempotency_keys
where user_id = $1::uuid and method = $2 and path = $3 and key = $4
    and created_at > now() - interval '24 hours';
