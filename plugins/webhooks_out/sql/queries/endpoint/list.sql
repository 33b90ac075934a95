-- $1 endpoint or null for all
select
    id, url, to_jsonb(events) as events, description, is_active as "isActive",
    paused_reason as "pausedReason", paused_at as "pausedAt",
    (
        select count(*) from plugin_webhooks_out.deliveries
        where deliveries.endpoint_id = endpoints.id and deliveries.state = 'NEW'
    ) as waiting,
    dropped, created_at as "createdAt"
from plugin_webhooks_out.endpoints
where $1::uuid is null or id = $1::uuid
order by created_at, id;
