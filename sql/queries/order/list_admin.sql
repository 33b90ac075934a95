-- $1 status, $2 buyer, $3 vendor, each may be null; $4, $5 cursor; $6 limit, $7 offset
select
    orders.id,
    orders.number,
    orders.status,
    orders.subtotal_minor as "subtotal.amount",
    orders.currency as "subtotal.currency",
    orders.discount_minor as "discount.amount",
    orders.currency as "discount.currency",
    orders.shipping_minor as "shipping.amount",
    orders.currency as "shipping.currency",
    orders.total_minor as "total.amount",
    orders.currency as "total.currency",
    orders.platform_fee_minor as "platformFee.amount",
    orders.currency as "platformFee.currency",
    order_discounts_json(orders.id, orders.currency) as discounts,
    order_items_json(orders.id, null, orders.currency) as items,
    vendor_orders_json(orders.id) as "vendorOrders",
    payment_json(orders.id) as payment,
    orders.shipping_address as "shippingAddress",
    orders.note,
    orders.expires_at as "expiresAt",
    orders.created_at as "createdAt",
    orders.updated_at as "updatedAt",
    orders.created_at::text as "~sort"
from orders
where ($1::text is null or orders.status = $1)
    and ($2::uuid is null or orders.buyer_id = $2::uuid)
    and ($3::uuid is null or exists (
        select from vendor_orders
        where vendor_orders.order_id = orders.id and vendor_orders.vendor_id = $3::uuid
    ))
    and ($4::timestamptz is null or (orders.created_at, orders.id) < ($4::timestamptz, $5::uuid))
order by orders.created_at desc, orders.id desc
limit $6::integer offset $7::integer;
