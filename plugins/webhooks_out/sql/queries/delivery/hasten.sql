-- $1 endpoint. What was waiting for a later try is tried now, and counts its tries anew.
update plugin_webhooks_out.deliveries set attempts = 0, next_at = now()
where endpoint_id = $1::uuid and state = 'NEW' and attempts > 0;
