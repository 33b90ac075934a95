-- The vendor orders inside an order, each as GET /vendor/orders/{id} shows it.
create or replace function vendor_orders_json(p_order_id uuid) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', vendor_orders.id, 'orderId', order_id, 'vendorId', vendor_id,
        'status', vendor_orders.status,
        'subtotal', money_json(vendor_orders.subtotal_minor, vendor_orders.currency),
        'shipping', money_json(vendor_orders.shipping_minor, vendor_orders.currency),
        'platformFee', money_json(fee_minor, vendor_orders.currency),
        'earnings', money_json(earnings_minor, vendor_orders.currency),
        'feeLines', order_fees_json(vendor_orders.id, vendor_orders.currency),
        'feePolicyVersion', fee_policy_version,
        'items', order_items_json(order_id, vendor_orders.id, vendor_orders.currency),
        'shippingAddress', orders.shipping_address,
        'tracking', tracking_json(carrier, tracking_number),
        'createdAt', time_json(vendor_orders.created_at),
        'updatedAt', time_json(vendor_orders.updated_at)
    ) order by vendor_orders.id), '[]')
    from vendor_orders
    inner join orders on orders.id = vendor_orders.order_id
    where order_id = p_order_id;
$$;
