-- $1 events
update outbox_events set done_at = now() where id = any ($1::bigint[]);
