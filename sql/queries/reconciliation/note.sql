-- $1 reconciliation, $2 object, $3 what is known of it besides
update reconciliation_findings set note = $3
where reconciliation_id = $1::uuid and object_id = $2;
