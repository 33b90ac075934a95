-- $1 id, $2 kind, $3 what for, $4 attempt, $5 key, $6 path, $7 body, $8 version, $9 state (SENT:
-- the caller sends it now; NEW: the sweep does), $10 seconds until the sweep may take it
insert into stripe_ops (
    id, kind, ref_id, attempt, idempotency_key, path, body, api_version, state, tries,
    first_sent_at, next_at
)
values (
    $1::uuid, $2, $3::uuid, $4::integer, $5, $6, $7, $8, $9,
    case $9 when 'SENT' then 1 else 0 end, case $9 when 'SENT' then now() end,
    now() + make_interval(secs => $10::integer)
)
on conflict on constraint stripe_ops_kind_ref_id_attempt_key do nothing
returning id;
