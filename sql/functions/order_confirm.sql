-- Makes an order whose goods are reserved a sale: stock and reservation go down, the vendor orders
-- are confirmed, the paid posting is made and the earnings enter the open payouts. The caller
-- holds the order's row lock and has recorded the payment.
create or replace function order_confirm(p_order_id uuid) returns void language plpgsql as $$
declare
    v_order orders;
begin
    update orders set status = 'CONFIRMED', confirmed_at = now(), closed_at = null,
        cancel_reason = null, updated_at = now()
    where id = p_order_id
    returning * into v_order;
    update vendor_orders set status = 'CONFIRMED', confirmed_at = now(), closed_at = null,
        cancel_reason = null, updated_at = now()
    where order_id = p_order_id;
    perform stock_move(p_order_id, null, -1, -1, 'SOLD');
    perform ledger_post('paid', p_order_id, p_order_id, v_order.currency, p.accounts, p.amounts)
    from (
        select array_agg(account order by place) as accounts,
            array_agg(amount_minor order by place) as amounts
        from (
            select 'stripe' as account, v_order.total_minor as amount_minor, '1' as place
            union all
            select 'vendor:' || vendor_id, -earnings_minor, '2' || vendor_id
            from vendor_orders where order_id = p_order_id
            union all
            select 'platform_fee', -v_order.platform_fee_minor, '3'
        ) as lines
    ) as p;
    perform payout_gather(p_order_id);
    perform event_emit('order.confirmed', jsonb_build_object('orderId', p_order_id));
end;
$$;
