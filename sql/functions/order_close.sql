-- An order ends when all its vendor orders have: COMPLETED if any of them was, else CANCELLED.
create or replace function order_close(p_order_id uuid) returns void language sql as $$
    update orders set closed_at = now(), updated_at = now(), status = case
        when exists (
            select from vendor_orders where order_id = p_order_id and status = 'COMPLETED'
        ) then 'COMPLETED' else 'CANCELLED' end
    where id = p_order_id and status = 'CONFIRMED' and not exists (
        select from vendor_orders
        where order_id = p_order_id and status not in ('COMPLETED', 'CANCELLED')
    );
$$;
