-- $1 order, $2 vendor order, $3 items, $4 reason, $5 user. The refund's id, or null.
select order_cancel_items($1::uuid, $2::uuid, $3::jsonb, $4, $5::uuid) as refund_id;
