-- One is started at a time.
select pg_advisory_xact_lock(hashtext('reconciliations'));
