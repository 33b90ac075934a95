-- The end of a transfer: p_provider_id null, Stripe has refused it (p_code, p_message), else the
-- money is with the vendor and is posted. The last one of a payout ends that. False when it had
-- ended before.
create or replace function transfer_finish(
    p_id uuid, p_provider_id text, p_code text, p_message text
) returns boolean language plpgsql as $$
declare
    v_transfer transfers;
    v_order_id uuid;
begin
    select vendor_orders.order_id into v_order_id
    from transfers inner join vendor_orders on vendor_orders.id = transfers.vendor_order_id
    where transfers.id = p_id;
    perform from orders where id = v_order_id for update;
    update transfers set provider_transfer_id = p_provider_id, failure_code = p_code,
        failure_message = p_message, updated_at = now(),
        status = case when p_provider_id is null then 'FAILED' else 'DONE' end
    where id = p_id and status = 'PENDING'
    returning * into v_transfer;
    if v_transfer.id is null then
        return false;
    end if;
    if v_transfer.status = 'DONE' then
        perform ledger_post('transfer', p_id, v_order_id, v_transfer.currency,
            array['vendor:' || v_transfer.vendor_id, 'stripe'],
            array[v_transfer.amount_minor, -v_transfer.amount_minor]);
    end if;
    perform event_emit(
        case v_transfer.status when 'DONE' then 'transfer.created' else 'transfer.failed' end,
        jsonb_build_object('transferId', p_id, 'payoutId', v_transfer.payout_id,
            'vendorId', v_transfer.vendor_id, 'vendorOrderId', v_transfer.vendor_order_id,
            'amount', money_json(v_transfer.amount_minor, v_transfer.currency)));
    perform payout_end(v_transfer.payout_id);
    return true;
end;
$$;
