-- $1 endpoint, $2 address, $3 event types, $4 description, $5 whether it is on; null: as it was
update plugin_webhooks_out.endpoints
set url = coalesce($2, url), events = coalesce($3::text[], events),
    description = coalesce($4, description), is_active = coalesce($5::boolean, is_active),
    paused_reason = case when $5::boolean is null then paused_reason end,
    paused_at = case
        when $5::boolean is null then paused_at
        when not $5::boolean then now()
    end,
    updated_at = now()
where id = $1::uuid
returning id;
