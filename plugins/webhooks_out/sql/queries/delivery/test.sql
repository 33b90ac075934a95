-- $1 endpoint, $2 message, $3 type, $4 body. One for this endpoint, whatever it wants.
insert into plugin_webhooks_out.deliveries (endpoint_id, message_id, type, body)
select id, $2, $3, $4 from plugin_webhooks_out.endpoints where id = $1::uuid
returning id;
