-- Until when no event is missing, in seconds since 1970.
select extract(epoch from events_complete_until)::bigint as seconds from installation;
