-- $1 since or null, $2 who or null. None while one is running. Without since: a day before the end
-- of the last one, which leaves no gap; the first begins with the installation.
insert into reconciliations (since, until, started_by)
select
    coalesce(
        $1::timestamptz,
        (select max(until) from reconciliations where status = 'DONE') - interval '1 day',
        (select created_at from installation) - interval '1 day'
    ),
    now(),
    $2::uuid
where not exists (select from reconciliations where status = 'RUNNING')
returning id, status;
