-- $1 message, $2 type, $3 body, $4 how many may wait. One for each endpoint that wants it, once;
-- one that has too many waiting only counts it.
with wanted as (
    select
        id,
        (
            select count(*)
            from (
                select from plugin_webhooks_out.deliveries
                where deliveries.endpoint_id = endpoints.id and deliveries.state = 'NEW'
                limit $4::integer
            ) as waiting
        ) >= $4::integer as is_full
    from plugin_webhooks_out.endpoints
    where $2 = any (events) or split_part($2, '.', 1) || '.*' = any (events) or '*' = any (events)
), dropped as (
    update plugin_webhooks_out.endpoints set dropped = dropped + 1
    from wanted
    where wanted.is_full and endpoints.id = wanted.id
)
insert into plugin_webhooks_out.deliveries (endpoint_id, message_id, type, body)
select id, $1, $2, $3 from wanted where not is_full
on conflict on constraint deliveries_endpoint_id_message_id_key do nothing;
