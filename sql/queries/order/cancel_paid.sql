-- $1 order, $2 vendor orders, $3 cause, $4 reason, $5 user. The refund's id, or null.
select order_cancel_paid($1::uuid, $2::uuid[], $3, $4, $5::uuid) as refund_id;
