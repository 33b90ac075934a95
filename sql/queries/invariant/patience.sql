-- The report reads everything: it may take longer than a buyer's statement may. Until the transaction
-- ends.
select set_config('statement_timeout', '9000', true);
