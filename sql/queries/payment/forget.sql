-- $1 payment, $2 why
select payment_forget($1::uuid, $2);
