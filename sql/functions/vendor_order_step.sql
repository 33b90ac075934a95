-- One step of a vendor order on its way to the buyer: PROCESSING, SHIPPED, DELIVERED or COMPLETED.
-- SK404 when it is not this vendor's (p_vendor_id null: the server's own step), SK411 when it is
-- not its turn.
create or replace function vendor_order_step(
    p_id uuid, p_vendor_id uuid, p_status text, p_carrier text, p_tracking_number text
) returns void language plpgsql as $$
declare
    v_row vendor_orders;
begin
    perform from orders where id = (select order_id from vendor_orders where id = p_id) for update;
    select * into v_row from vendor_orders
    where id = p_id and (p_vendor_id is null or vendor_id = p_vendor_id) for update;
    if v_row.id is null then
        raise exception 'not found' using errcode = 'SK404';
    end if;
    if v_row.status || '>' || p_status not in (
        'CONFIRMED>PROCESSING', 'PROCESSING>SHIPPED', 'SHIPPED>DELIVERED', 'DELIVERED>COMPLETED'
    ) then
        raise exception 'a vendor order that is % cannot become %', v_row.status, p_status
            using errcode = 'SK411';
    end if;
    update vendor_orders set status = p_status, updated_at = now(),
        carrier = coalesce(p_carrier, carrier),
        tracking_number = coalesce(p_tracking_number, tracking_number),
        shipped_at = case p_status when 'SHIPPED' then now() else shipped_at end,
        delivered_at = case p_status when 'DELIVERED' then now() else delivered_at end,
        closed_at = case p_status when 'COMPLETED' then now() end
    where id = p_id;
    if p_status = 'COMPLETED' then
        perform order_close(v_row.order_id);
    end if;
    perform event_emit('vendor_order.' || lower(p_status), jsonb_build_object(
        'orderId', v_row.order_id, 'vendorOrderId', p_id));
end;
$$;
