-- Money that came for nothing (too late and the goods are gone, or a second time) goes back whole.
-- It touches no vendor: in and out over the account 'unapplied'. The caller holds the payment's
-- lock and queues the call to Stripe in the same transaction.
create or replace function refund_unapplied(p_payment_id uuid, p_cause text) returns uuid
language plpgsql as $$
declare
    v_payment payments;
    v_refund_id uuid := uuid_v7();
begin
    select * into v_payment from payments where id = p_payment_id for update;
    perform ledger_post('unapplied', p_payment_id, v_payment.order_id, v_payment.currency,
        array['stripe', 'unapplied'], array[v_payment.amount_minor, -v_payment.amount_minor]);
    insert into refunds (id, order_id, payment_id, cause, amount_minor, currency)
    values (v_refund_id, v_payment.order_id, p_payment_id, p_cause, v_payment.amount_minor,
        v_payment.currency);
    perform payment_count_refund(p_payment_id, v_payment.amount_minor);
    perform ledger_post('refund', v_refund_id, v_payment.order_id, v_payment.currency,
        array['unapplied', 'stripe'], array[v_payment.amount_minor, -v_payment.amount_minor]);
    perform event_emit('refund.created', jsonb_build_object(
        'orderId', v_payment.order_id, 'refundId', v_refund_id));
    return v_refund_id;
end;
$$;
