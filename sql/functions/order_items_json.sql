-- The items of an order, or of one vendor order of it.
create or replace function order_items_json(
    p_order_id uuid, p_vendor_order_id uuid, p_currency text
) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', order_items.id, 'productId', product_id, 'vendorId', vendor_id, 'name', name,
        'unitPrice', money_json(unit_price_minor, p_currency), 'quantity', quantity,
        'discount', money_json(discount_minor, p_currency),
        'lineTotal', money_json(line_total_minor, p_currency),
        'refundedQuantity', known.refunded, 'restockedQuantity', known.restocked
    ) order by order_items.id), '[]')
    from order_items
    cross join lateral order_item_units(order_items.id) as known
    where order_items.order_id = p_order_id
        and (p_vendor_order_id is null or order_items.vendor_order_id = p_vendor_order_id);
$$;
