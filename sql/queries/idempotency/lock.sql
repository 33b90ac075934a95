-- $1 what is locked until the end of the transaction
select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as is_locked;
