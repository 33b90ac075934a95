-- The items of an order, or of one vendor order of it.
create or replace function order_items_json(
    p_order_id uuid, p_vendor_order_id uuid, p_currency text
) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', id, 'productId', product_id, 'vendorId', vendor_id, 'name', name,
        'unitPrice', money_json(unit_price_minor, p_currency), 'quantity', quantity,
        'lineTotal', money_json(line_total_minor, p_currency)
    ) order by id), '[]')
    from order_items
    where order_id = p_order_id
        and (p_vendor_order_id is null or vendor_order_id = p_vendor_order_id);
$$;
