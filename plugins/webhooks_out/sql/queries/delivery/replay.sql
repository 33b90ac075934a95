-- $1 endpoint, $2 delivery. Sent again as if it were new, or now in place of later.
update plugin_webhooks_out.deliveries
set state = 'NEW', attempts = 0, next_at = now(), finished_at = null
where endpoint_id = $1::uuid and id = $2::bigint
returning id;
