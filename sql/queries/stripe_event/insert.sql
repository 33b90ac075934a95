-- $1 id, $2 endpoint, $3 type, $4 object, $5 account, $6 is live, $7 version, $8 payload without
-- secrets, $9 when it happened (seconds), $10 seconds until the drain may take it
insert into stripe_events (
    id, endpoint, type, object_id, account, is_live, api_version, payload, occurred_at, next_at
)
values (
    $1, $2, $3, $4, $5, $6::boolean, $7, $8::jsonb, to_timestamp($9::double precision),
    now() + make_interval(secs => $10::integer)
)
on conflict on constraint stripe_events_pkey do nothing
returning id;
