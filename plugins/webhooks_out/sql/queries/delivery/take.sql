-- $1 lease in seconds. The oldest waiting one of an endpoint, when its time has come and nobody
-- else sends it. What is asked twice is asked again of the row as it is once it is locked.
with due as (
    select oldest.id
    from plugin_webhooks_out.endpoints
    cross join lateral (
        select deliveries.id, deliveries.next_at, deliveries.leased_until
        from plugin_webhooks_out.deliveries
        where deliveries.endpoint_id = endpoints.id and deliveries.state = 'NEW'
        order by deliveries.id limit 1
    ) as oldest
    where endpoints.is_active and oldest.next_at <= now()
        and coalesce(oldest.leased_until <= now(), true)
    order by oldest.next_at limit 1
    for update of endpoints skip locked
)
update plugin_webhooks_out.deliveries
set leased_until = now() + make_interval(secs => $1::integer)
from due, plugin_webhooks_out.endpoints
where deliveries.id = due.id and deliveries.state = 'NEW' and deliveries.next_at <= now()
    and coalesce(deliveries.leased_until <= now(), true)
    and endpoints.id = deliveries.endpoint_id
returning deliveries.id, deliveries.endpoint_id, deliveries.message_id, deliveries.type,
    deliveries.body, deliveries.attempts, endpoints.url, endpoints.secret_number,
    coalesce(endpoints.previous_until > now(), false) as has_previous;
