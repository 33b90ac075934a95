select id, type, state, payload, tries from stripe_events where id = $1;
