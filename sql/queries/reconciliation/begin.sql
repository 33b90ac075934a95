-- $1 reconciliation. What an attempt before this one has found is looked for again.
with old as (
    delete from reconciliation_findings where reconciliation_id = $1::uuid
)
select id, floor(extract(epoch from since))::bigint as since_s, started_by is not null as is_asked
from reconciliations where id = $1::uuid and status = 'RUNNING';
