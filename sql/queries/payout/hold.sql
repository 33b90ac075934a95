-- $1 payout, $2 why. Raises SK404, SK411.
select payout_hold($1::uuid, $2);
