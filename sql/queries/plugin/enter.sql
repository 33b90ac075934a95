-- $1 role, $2 milliseconds. What follows in this transaction is the plugin's.
select set_config('role', $1, true) as role, set_config('statement_timeout', $2, true) as timeout;
