-- $1 payout, $2 PAID or FAILED, $3 the bank's reference, or why. Raises SK404, SK411.
select payout_mark($1::uuid, $2, $3);
