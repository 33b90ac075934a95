-- $1 seconds between two. What the timer has to do, and how many findings there were last.
select
    (select id from reconciliations where status = 'RUNNING' order by created_at limit 1)
        as running_id,
    $1::integer > 0 and not exists (
        select from reconciliations
        where created_at > now() - make_interval(
            secs => case status when 'FAILED' then least($1::integer, 3600) else $1::integer end)
    ) as is_due,
    coalesce((
        select findings from reconciliations where status = 'DONE' order by created_at desc limit 1
    ), 0) as findings;
