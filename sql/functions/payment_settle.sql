-- What money that has arrived does: it confirms an unpaid order; one that was given up too, when
-- its goods can be reserved again; all other money goes back. Locks are held by payment_apply.
create or replace function payment_settle(p_order orders, p_payment_id uuid)
returns table (outcome text, refund_id uuid) language plpgsql as $$
begin
    if p_order.confirmed_at is not null then
        return query select 'REFUNDED', refund_unapplied(p_payment_id, 'SURPLUS_PAYMENT');
        return;
    end if;
    if p_order.status <> 'PENDING' then
        begin
            perform stock_reserve(array_agg(product_id), array_agg(quantity))
            from order_items where order_id = p_order.id;
        exception when sqlstate 'SK410' then
            return query select 'REFUNDED', refund_unapplied(p_payment_id, 'LATE_PAYMENT');
            return;
        end;
    end if;
    perform order_confirm(p_order.id);
    return query select 'CONFIRMED', null::uuid;
end;
$$;
