-- $1 seconds since 1970
update installation set events_complete_until = to_timestamp($1::double precision);
