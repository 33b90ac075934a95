-- RFC 3339 UTC with milliseconds, cut and not rounded as core/db/result.c does it.
create or replace function time_json(p_time timestamptz) returns text language sql stable as $$
    select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
$$;
