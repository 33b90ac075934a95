-- $1 order, $2 buyer or null, $3 vendor or null: whose order it is, or part of it
select orders.id from orders
where orders.id = $1::uuid and (
    orders.buyer_id = $2::uuid
    or exists (
        select from vendor_orders
        where vendor_orders.order_id = orders.id and vendor_orders.vendor_id = $3::uuid
    )
);
