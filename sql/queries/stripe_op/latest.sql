-- $1 kind, $2 what for
select id, kind, ref_id, attempt, idempotency_key, path, body, account, api_version, lane, state,
    tries, first_sent_at is not null as was_sent, next_at > now() as is_leased
from stripe_ops where kind = $1 and ref_id = $2::uuid
order by attempt desc limit 1;
