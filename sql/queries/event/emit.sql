-- $1 type, $2 data (JSON)
insert into outbox_events (type, data) values ($1, $2::jsonb);
