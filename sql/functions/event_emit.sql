-- What happened, for those outside: a row of the outbox in the transaction that did it.
create or replace function event_emit(p_type text, p_data jsonb) returns void language sql as $$
    insert into outbox_events (type, data) values (p_type, p_data);
$$;
