-- Gives an unpaid order's goods back: PENDING to EXPIRED or CANCELLED. SK411 from any other
-- status, and SK409 while a payment is alive: its PaymentIntent must be cancelled at Stripe first,
-- or a buyer could pay for goods that are no longer held.
create or replace function order_release(p_order_id uuid, p_status text, p_reason text)
returns void language plpgsql as $$
declare
    v_status text;
begin
    select status into v_status from orders where id = p_order_id for update;
    if v_status is distinct from 'PENDING' then
        raise exception 'the order is no longer unpaid' using errcode = 'SK411';
    end if;
    if exists (
        select from payments
        where order_id = p_order_id and status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
    ) then
        raise exception 'a payment of this order is still open' using errcode = 'SK409';
    end if;
    perform stock_move(p_order_id, null, 0, -1, null);
    update vendor_orders set status = 'CANCELLED', cancel_reason = p_reason, closed_at = now(),
        updated_at = now()
    where order_id = p_order_id;
    update orders set status = p_status, cancel_reason = p_reason, closed_at = now(),
        updated_at = now()
    where id = p_order_id;
    perform event_emit('order.' || lower(p_status), jsonb_build_object('orderId', p_order_id));
end;
$$;
