-- $1 order, $2 EXPIRED or CANCELLED, $3 why. Raises SK411 when it is no longer unpaid, SK409 while
-- a payment of it is alive.
select order_release($1::uuid, $2, $3);
