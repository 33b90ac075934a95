-- $1 status, $2 buyer, $3 vendor, each may be null
select count(*) as total from orders
where ($1::text is null or status = $1)
    and ($2::uuid is null or buyer_id = $2::uuid)
    and ($3::uuid is null or exists (
        select from vendor_orders
        where vendor_orders.order_id = orders.id and vendor_orders.vendor_id = $3::uuid
    ));
