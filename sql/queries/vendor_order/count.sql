-- $1 vendor, $2 status or null
select count(*) as total from vendor_orders
where vendor_id = $1::uuid and ($2::text is null or status = $2);
