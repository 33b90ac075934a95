-- $1 endpoint, $2 seconds for which the one before goes on signing
update plugin_webhooks_out.endpoints
set secret_number = secret_number + 1, updated_at = now(),
    previous_until = now() + make_interval(secs => $2::integer)
where id = $1::uuid
returning secret_number;
