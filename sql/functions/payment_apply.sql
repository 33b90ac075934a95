-- The one place where a PaymentIntent's state reaches an order, whoever brings the news: the
-- create call, confirm-payment, a webhook, the sweep. p_intent: {id, status (ours),
-- providerStatus, amount, received, currency, orderId, isLive, chargeId?, failureCode?,
-- failureMessage?}. outcome: CONFIRMED (this call did it), CHANGED, SAME, REFUNDED (refund_id must
-- be queued by the caller in this transaction), QUARANTINED (nothing else changed: somebody must
-- look).
create or replace function payment_apply(p_payment_id uuid, p_intent jsonb)
returns table (outcome text, refund_id uuid) language plpgsql as $$
declare
    v_order orders;
    v_payment payments;
    v_status text := p_intent ->> 'status';
    v_problem text;
begin
    select orders.* into v_order from orders
    where orders.id = (select payments.order_id from payments where payments.id = p_payment_id)
    for update;
    select * into v_payment from payments where payments.id = p_payment_id for update;
    v_problem := payment_mismatch(v_payment, p_intent);
    if v_problem is not null then
        perform payment_quarantine(p_payment_id, v_problem);
        return query select 'QUARANTINED', null::uuid;
        return;
    end if;
    -- One that we ended without Stripe's word and that was paid after all is a late payment.
    if v_payment.status not in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
        and (v_status <> 'SUCCEEDED' or v_payment.status not in ('FAILED', 'CANCELLED')) then
        return query select 'SAME', null::uuid;
        return;
    end if;
    update payments set status = v_status, provider_payment_id = p_intent ->> 'id',
        provider_status = p_intent ->> 'providerStatus',
        charge_id = coalesce(p_intent ->> 'chargeId', charge_id),
        failure_code = p_intent ->> 'failureCode', failure_message = p_intent ->> 'failureMessage',
        succeeded_at = case when v_status = 'SUCCEEDED' then now() end,
        checked_at = now(), updated_at = now()
    where payments.id = p_payment_id;
    if v_status = 'SUCCEEDED' then
        return query select * from payment_settle(v_order, p_payment_id);
    else
        return query
        select case v_payment.status when v_status then 'SAME' else 'CHANGED' end, null::uuid;
    end if;
end;
$$;
