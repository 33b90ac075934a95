-- $1 id, $2 kind, $3 what for, $4 attempt, $5 key, $6 path, $7 body, $8 version, $9 state (SENT:
-- the caller sends it now; NEW: the sweep does), $10 seconds until the sweep may take it, $11 the
-- account it speaks for, $12 lane. It stays NEW while another one is open in its lane.
with asked as (
    select case
            when $9 = 'SENT' and not exists (
                select from stripe_ops
                where lane = $12 and state in ('NEW', 'SENT', 'UNKNOWN')
            ) then 'SENT'
            else 'NEW'
        end as state
)
insert into stripe_ops (
    id, kind, ref_id, attempt, idempotency_key, path, body, api_version, state, tries,
    first_sent_at, next_at, account, lane
)
select $1::uuid, $2, $3::uuid, $4::integer, $5, $6, $7, $8, state,
    case state when 'SENT' then 1 else 0 end,
    case state when 'SENT' then now() end,
    now() + make_interval(secs => case when state = $9 then $10::integer else 0 end),
    $11, $12
from asked
on conflict on constraint stripe_ops_kind_ref_id_attempt_key do nothing
returning id, state, tries;
