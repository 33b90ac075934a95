-- $1 vendor order, $2 vendor, $3 status, $4 carrier, $5 tracking number. Raises SK404, SK411.
select vendor_order_step($1::uuid, $2::uuid, $3, $4, $5);
