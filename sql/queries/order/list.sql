-- $1 buyer, $2 status or null; $3, $4 cursor; $5 limit, $6 offset
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
where orders.buyer_id = $1::uuid
    and ($2::text is null or orders.status = $2)
    and ($3::timestamptz is null or (orders.created_at, orders.id) < ($3::timestamptz, $4::uuid))
order by orders.created_at desc, orders.id desc
limit $5::integer offset $6::integer;
