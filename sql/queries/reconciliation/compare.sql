-- $1 reconciliation, $2 grace in seconds, $3 Stripe's balances or null
select reconciliation_compare($1::uuid, $2::integer, $3::jsonb);
