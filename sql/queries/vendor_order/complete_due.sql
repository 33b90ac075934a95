-- $1 seconds of the return window, $2 how many at most
select vendor_order_complete_due($1::bigint, $2::integer) as completed;
