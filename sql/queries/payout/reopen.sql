-- $1 payout, $2 what it must be: ON_HOLD or FAILED. The payout that is open now. Raises SK404, SK411.
select payout_reopen($1::uuid, $2) as id;
