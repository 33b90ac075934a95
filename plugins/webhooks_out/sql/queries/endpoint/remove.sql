-- $1 endpoint
delete from plugin_webhooks_out.endpoints where id = $1::uuid returning id;
