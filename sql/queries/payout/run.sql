-- $1 vendor, $2 currency, $3 provider, $4 least amount. Takes what is due: payout_run.
select outcome, payout_id, amount_minor from payout_run($1::uuid, $2, $3, $4::bigint);
