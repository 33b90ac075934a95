-- $1 endpoint, $2 why
update plugin_webhooks_out.endpoints
set is_active = false, paused_reason = $2, paused_at = now(), updated_at = now()
where id = $1::uuid and is_active
returning id;
