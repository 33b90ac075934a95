-- $1 vendor order, $2 amount, $3 refund or null, $4 dispute or null
select reversal_open as id from reversal_open($1::uuid, $2::bigint, $3::uuid, $4::uuid);
