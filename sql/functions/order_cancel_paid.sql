-- Cancels paid vendor orders that have not shipped: the goods that are not there yet go back on the
-- shelf and the buyer gets what is left of their money. SK411 when one of them has shipped or is
-- closed, SK423 while the payment is disputed. Returns the refund's id, null when nothing was left
-- to give back. The caller queues the call to Stripe in the same transaction.
create or replace function order_cancel_paid(
    p_order_id uuid, p_vendor_order_ids uuid[], p_cause text, p_reason text, p_actor_id uuid
) returns uuid language plpgsql as $$
declare
    v_id uuid;
    v_amounts bigint[];
    v_refund_id uuid;
begin
    perform from orders where id = p_order_id for update;
    perform from vendor_orders where id = any (p_vendor_order_ids) order by id for update;
    if exists (
        select from vendor_orders where id = any (p_vendor_order_ids)
            and (order_id <> p_order_id or status not in ('CONFIRMED', 'PROCESSING'))
    ) then
        raise exception 'only what has not shipped can be cancelled' using errcode = 'SK411';
    end if;
    perform stock_restock(array_agg(order_items.id),
        array_agg((order_items.quantity - known.restocked)::integer))
    from order_items cross join lateral order_item_units(order_items.id) as known
    where order_items.order_id = p_order_id
        and order_items.vendor_order_id = any (p_vendor_order_ids);
    foreach v_id in array p_vendor_order_ids loop
        perform event_emit('vendor_order.cancelled', jsonb_build_object(
            'orderId', p_order_id, 'vendorOrderId', v_id));
    end loop;
    select array_agg(vendor_order_left(w.id) order by w.position) into v_amounts
    from unnest(p_vendor_order_ids) with ordinality as w (id, position);
    v_refund_id := refund_open(
        p_order_id, p_cause, p_reason, p_vendor_order_ids, v_amounts, p_actor_id);
    update vendor_orders set status = 'CANCELLED', cancel_reason = p_reason, closed_at = now(),
        updated_at = now()
    where id = any (p_vendor_order_ids);
    perform order_close(p_order_id);
    return v_refund_id;
end;
$$;
