-- The one place where a dispute's state at Stripe reaches the books, whoever brings the news and in
-- whatever order. p_dispute: {id, chargeId, state (ours), status, reason, amount, fee, feeReturned,
-- currency, isRefundable, dueAt, isSubmitted, openedAt}; p_terms: see dispute_share. WON and LOST
-- stay, but that a lost one may be won after all; one that has taken money is never CLOSED. outcome: the new state when it is one, else SAME. is_reversing: transfers
-- must be taken back now; the caller opens that in this transaction.
create or replace function dispute_apply(p_payment_id uuid, p_dispute jsonb, p_terms jsonb)
returns table (outcome text, dispute_id uuid, is_reversing boolean) language plpgsql as $$
declare
    v_order_id uuid := (select order_id from payments where id = p_payment_id);
    v_old disputes;
    v_id uuid;
    v_state text := p_dispute ->> 'state';
    v_is_taken boolean;
begin
    perform from orders where id = v_order_id for update;
    perform from vendor_orders where order_id = v_order_id order by id for update;
    perform from payments where id = p_payment_id for update;
    select * into v_old from disputes where provider_dispute_id = p_dispute ->> 'id' for update;
    v_is_taken := coalesce(v_old.state in ('OPEN', 'WON', 'LOST'), false);
    if v_old.state in ('WON', 'LOST') and v_state <> v_old.state
            and (v_old.state, v_state) <> ('LOST', 'WON')
        or v_old.state = 'CLOSED' and v_state = 'INQUIRY'
        or v_old.state = 'OPEN' and v_state = 'INQUIRY'
        or v_is_taken and v_state = 'CLOSED' then
        return query select 'SAME', v_old.id, false;
        return;
    end if;
    insert into disputes (order_id, payment_id, provider_dispute_id, charge_id, state,
        provider_status, reason, amount_minor, currency, liable, opened_at, lost_at)
    values (v_order_id, p_payment_id, p_dispute ->> 'id', p_dispute ->> 'chargeId', v_state,
        p_dispute ->> 'status', p_dispute ->> 'reason', (p_dispute ->> 'amount')::bigint,
        p_dispute ->> 'currency', 'PLATFORM', to_timestamp((p_dispute ->> 'openedAt')::bigint),
        case v_state when 'LOST' then now() end)
    on conflict on constraint disputes_provider_dispute_id_key do update
    set state = excluded.state, provider_status = excluded.provider_status,
        reason = excluded.reason, lost_at = coalesce(disputes.lost_at, excluded.lost_at)
    returning id into v_id;
    update disputes set
        amount_minor = case when v_is_taken then amount_minor
            else (p_dispute ->> 'amount')::bigint end,
        fee_minor = case when v_is_taken then fee_minor else (p_dispute ->> 'fee')::bigint end,
        fee_returned_minor = case when v_state = 'WON' and v_old.state is distinct from 'WON'
            then (p_dispute ->> 'feeReturned')::bigint else fee_returned_minor end,
        is_charge_refundable = (p_dispute ->> 'isRefundable')::boolean,
        evidence_due_at = to_timestamp((p_dispute ->> 'dueAt')::bigint),
        evidence_submitted_at = case when (p_dispute ->> 'isSubmitted')::boolean
            then coalesce(evidence_submitted_at, now()) end,
        closed_at = case when v_state in ('WON', 'LOST', 'CLOSED')
            then coalesce(closed_at, now()) end,
        updated_at = now()
    where id = v_id;
    if not v_is_taken then
        perform dispute_share(v_id, p_terms);
    end if;
    if v_state in ('WON', 'LOST') then
        update dispute_parts set is_reversed = v_state = 'LOST' and liable = 'VENDOR'
        where dispute_parts.dispute_id = v_id;
    end if;
    perform dispute_post(v_id);
    update payments set is_disputed = exists (
        select from disputes where payment_id = p_payment_id and state in ('INQUIRY', 'OPEN')
    ), updated_at = now()
    where id = p_payment_id;
    if v_state is not distinct from v_old.state then
        return query select 'SAME', v_id, false;
        return;
    end if;
    perform event_emit('dispute.' || case v_state when 'OPEN' then 'opened' else lower(v_state) end,
        jsonb_build_object('orderId', v_order_id, 'disputeId', v_id));
    return query select v_state, v_id, exists (
        select from dispute_parts
        where dispute_parts.dispute_id = v_id and v_state in ('OPEN', 'LOST') and is_reversed
    );
end;
$$;
