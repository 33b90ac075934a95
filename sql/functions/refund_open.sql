-- Opens a refund of parts of vendor orders and posts it: fee and earnings are given back in the
-- proportion stored with the order. A part's fee is reckoned on all that was refunded so far, so
-- that partial refunds add up to the whole, exactly; after one that failed it stays within what fee
-- and earnings have left. SK423 while the payment is disputed, SK416 beyond what was paid and no
-- dispute has taken. Null when all parts are 0.
create or replace function refund_open(
    p_order_id uuid, p_cause text, p_reason text, p_vendor_order_ids uuid[], p_amounts bigint[],
    p_actor_id uuid
) returns uuid language plpgsql as $$
declare
    v_payment payments;
    v_part record;
    v_total bigint := (select sum(amount) from unnest(p_amounts) as a (amount));
    v_fee bigint;
    v_fee_total bigint := 0;
    v_refund_id uuid := uuid_v7();
    v_accounts text[] := array['stripe'];
    v_amounts bigint[] := array[-v_total];
begin
    if v_total = 0 then
        return null;
    end if;
    perform from orders where id = p_order_id for update;
    select * into v_payment from payments
    where order_id = p_order_id and status in ('SUCCEEDED', 'PARTIALLY_REFUNDED') for update;
    if exists (
        select from disputes where payment_id = v_payment.id
            and (state = 'OPEN' or (state in ('INQUIRY', 'LOST') and not is_charge_refundable))
    ) then
        raise exception 'the payment is disputed: it cannot be refunded until the dispute is closed'
            using errcode = 'SK423';
    end if;
    if v_payment.id is null or v_payment.refunded_minor + v_total + (
        select coalesce(sum(amount_minor), 0) from disputes
        where payment_id = v_payment.id and state = 'LOST'
    ) > v_payment.amount_minor then
        raise exception 'refunds cannot exceed what was paid' using errcode = 'SK416';
    end if;
    insert into refunds
        (id, order_id, payment_id, cause, reason, amount_minor, currency, created_by)
    values (v_refund_id, p_order_id, v_payment.id, p_cause, p_reason, v_total,
        v_payment.currency, p_actor_id);
    for v_part in
        select vendor_orders.*, w.amount, vendor_order_left(vendor_orders.id) as left_minor
        from unnest(p_vendor_order_ids, p_amounts) as w (id, amount)
        inner join vendor_orders on vendor_orders.id = w.id and vendor_orders.order_id = p_order_id
        where w.amount > 0
        order by vendor_orders.vendor_id
        for update of vendor_orders
    loop
        if v_part.amount > v_part.left_minor then
            raise exception 'refunds cannot exceed what was paid' using errcode = 'SK416';
        end if;
        v_fee := refund_fee(v_part.subtotal_minor, v_part.fee_minor, v_part.refunded_minor,
            v_part.refunded_fee_minor, v_part.amount);
        update vendor_orders set refunded_minor = refunded_minor + v_part.amount,
            refunded_fee_minor = refunded_fee_minor + v_fee, updated_at = now()
        where id = v_part.id;
        insert into refund_parts
            (refund_id, vendor_order_id, amount_minor, fee_minor, earnings_minor)
        values (v_refund_id, v_part.id, v_part.amount, v_fee, v_part.amount - v_fee);
        perform payout_adjust('REFUND', v_part.id, v_refund_id, -(v_part.amount - v_fee));
        v_accounts := v_accounts || ('vendor:' || v_part.vendor_id);
        v_amounts := v_amounts || (v_part.amount - v_fee);
        v_fee_total := v_fee_total + v_fee;
    end loop;
    perform payment_count_refund(v_payment.id, v_total);
    perform ledger_post('refund', v_refund_id, p_order_id, v_payment.currency,
        v_accounts || 'platform_fee'::text, v_amounts || v_fee_total);
    perform event_emit('refund.created', jsonb_build_object(
        'orderId', p_order_id, 'refundId', v_refund_id));
    return v_refund_id;
end;
$$;
