-- An event of a plugin carries its name, which may have digits.
alter table outbox_events
drop constraint outbox_events_type_form,
add constraint outbox_events_type_form check (type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$');
