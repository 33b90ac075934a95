-- $1 name. Held to the end of the transaction: versions are numbered, files are news once.
select pg_advisory_xact_lock(hashtextextended('policy:' || $1, 0));
