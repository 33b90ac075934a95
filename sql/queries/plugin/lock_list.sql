-- Until the end of the transaction nobody else writes a node's list.
select 1 as is_locked from pg_advisory_xact_lock(hashtextextended('plugins list', 0));
