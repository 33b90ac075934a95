-- $1 endpoint, $2 delivery. Given up, so that the next one gets its turn.
update plugin_webhooks_out.deliveries
set state = 'DEAD', finished_at = now(), leased_until = null
where endpoint_id = $1::uuid and id = $2::bigint and state = 'NEW'
returning id;
