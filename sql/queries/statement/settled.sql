-- $1 an instant or null for now. The last instant, not after it, of which all is known: a
-- transaction that runs still may commit rows with the time at which it began. In milliseconds, as
-- an answer shows it, so that asking for what was shown gives the same.
select date_trunc('milliseconds', least(
    $1::timestamptz,
    clock_timestamp() - interval '0.1 s',
    (
        select min(xact_start) - interval '1 us' from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
    )
))::text as as_of;
