-- $1 refund
select * from refund_public where id = $1::uuid;
