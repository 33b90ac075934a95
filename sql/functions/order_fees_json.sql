create or replace function order_fees_json(p_vendor_order_id uuid, p_currency text) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'name', name, 'amount', money_json(amount_minor, p_currency)
    ) order by position), '[]')
    from fee_lines where vendor_order_id = p_vendor_order_id;
$$;
