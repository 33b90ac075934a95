-- $1 endpoint, $2 state or null, $3 delivery before which or null, $4 how many. Newest first.
select
    id, message_id as "messageId", type, state, attempts, status, problem, answer,
    case when state = 'NEW' then next_at end as "nextAt", created_at as "createdAt",
    finished_at as "finishedAt"
from plugin_webhooks_out.deliveries
where endpoint_id = $1::uuid and ($2::text is null or state = $2)
    and ($3::bigint is null or id < $3::bigint)
order by id desc limit $4::integer;
