-- $1 refund, $2 why
select refund_fail($1::uuid, $2);
