-- $1 reconciliation, $2 how many findings
select
    r.id,
    r.status,
    r.since,
    r.until,
    r.gathered,
    r.compared,
    r.findings,
    r.failure_message as "failureMessage",
    r.created_at as "createdAt",
    r.finished_at as "finishedAt",
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', f.id, 'kind', f.kind, 'objectId', f.object_id, 'currency', f.currency,
            'ours', f.ours_minor, 'theirs', f.theirs_minor, 'note', f.note
        ) order by f.kind, f.object_id), '[]')
        from (
            select * from reconciliation_findings
            where reconciliation_findings.reconciliation_id = r.id
            order by kind, object_id limit $2::integer
        ) as f
    ) as data
from reconciliations as r where r.id = $1::uuid;
