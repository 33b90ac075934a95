-- $1 ids of events: those that never arrived.
select asked.id from unnest($1::text[]) as asked (id)
where not exists (select from stripe_events where stripe_events.id = asked.id);
