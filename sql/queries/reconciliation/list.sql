-- $1 status or null; $2, $3 cursor; $4 limit, $5 offset
select
    id,
    status,
    since,
    until,
    gathered,
    compared,
    findings,
    failure_message as "failureMessage",
    created_at as "createdAt",
    finished_at as "finishedAt",
    created_at::text as "~sort"
from reconciliations
where ($1::text is null or status = $1)
    and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
order by created_at desc, id desc
limit $4::integer offset $5::integer;
