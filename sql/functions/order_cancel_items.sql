-- Takes units of a paid vendor order back before it ships: they go on the shelf and their money to
-- the buyer; p_items as refund_units has them. When they are all that is left, the vendor order is
-- cancelled. SK411 once it has shipped or is closed. Returns the refund's id, or null. The caller
-- queues the call to Stripe in the same transaction.
create or replace function order_cancel_items(
    p_order_id uuid, p_vendor_order_id uuid, p_items jsonb, p_reason text, p_actor_id uuid
) returns uuid language plpgsql as $$
begin
    perform from orders where id = p_order_id for update;
    perform from vendor_orders
    where id = p_vendor_order_id and order_id = p_order_id
        and status in ('CONFIRMED', 'PROCESSING')
    for update;
    if not found then
        raise exception 'only what has not shipped can be cancelled' using errcode = 'SK411';
    end if;
    perform from refund_units(p_order_id, p_vendor_order_id, p_items);
    if not exists (
        select from order_items
        cross join lateral order_item_units(order_items.id) as known
        where order_items.order_id = p_order_id
            and order_items.vendor_order_id = p_vendor_order_id
            and order_items.quantity - known.refunded > (
                select coalesce(sum((i.item ->> 'quantity')::bigint), 0)
                from jsonb_array_elements(p_items) as i (item)
                where (i.item ->> 'orderItemId')::uuid = order_items.id
            )
    ) then
        return order_cancel_paid(
            p_order_id, array[p_vendor_order_id], 'VENDOR_CANCEL', p_reason, p_actor_id);
    end if;
    return refund_ask(p_order_id, p_vendor_order_id, null, p_items, true, 'VENDOR_CANCEL', p_reason,
        p_actor_id);
end;
$$;
