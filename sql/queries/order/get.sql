-- $1 order, $2 buyer. As its buyer sees it.
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
    orders.updated_at as "updatedAt"
from orders
where orders.id = $1::uuid and orders.buyer_id = $2::uuid;
