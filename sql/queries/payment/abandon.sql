-- $1 payment, $2 FAILED or CANCELLED, $3 why
select payment_abandon($1::uuid, $2, $3);
