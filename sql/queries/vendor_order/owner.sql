-- $1 vendor order, $2 vendor
select id, order_id from vendor_orders where id = $1::uuid and vendor_id = $2::uuid;
