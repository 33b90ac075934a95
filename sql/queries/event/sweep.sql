delete from outbox_events
where id in (
    select id from outbox_events where done_at < now() - interval '30 days' limit 10000
);
