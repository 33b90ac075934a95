-- $1 reconciliation, $2 lines gathered
update reconciliations set status = 'DONE', finished_at = now(), gathered = $2::integer,
    findings = (
        select count(*) from reconciliation_findings where reconciliation_id = reconciliations.id
    )
where id = $1::uuid and status = 'RUNNING'
returning findings, compared;
