-- $1 reconciliation, $2 how many. Objects that the ledger knows and no line of Stripe's names yet:
-- older than what was gathered, or not there.
select object_id from reconciliation_pairs($1::uuid)
where theirs_minor is null and object_id not like 'refund:%'
limit $2::integer;
