-- The payment that an order shows: the one that was paid, else the latest.
create or replace function payment_json(p_order_id uuid) returns jsonb language sql stable as $$
    select jsonb_build_object('id', id, 'status', status, 'method', method,
        'disputed', is_disputed)
    from payments where order_id = p_order_id
    order by status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED') desc, number desc limit 1;
$$;
