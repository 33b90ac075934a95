-- $1 reconciliation, $2 how many. Transfers that only Stripe knows.
select object_id from reconciliation_findings
where reconciliation_id = $1::uuid and kind = 'MISSING_IN_LEDGER' and object_id like 'tr\_%'
limit $2::integer;
