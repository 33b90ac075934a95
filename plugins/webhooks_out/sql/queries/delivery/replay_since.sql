-- $1 endpoint, $2 since, $3 at most. All that has been through since, the oldest first.
with again as (
    select id from plugin_webhooks_out.deliveries
    where endpoint_id = $1::uuid and state <> 'NEW' and created_at >= $2::timestamptz
    order by id limit $3::integer
), changed as (
    update plugin_webhooks_out.deliveries
    set state = 'NEW', attempts = 0, next_at = now(), finished_at = null
    from again
    where deliveries.id = again.id
    returning deliveries.id
)
select count(*) as replayed from changed;
