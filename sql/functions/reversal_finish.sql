-- Money has come back from a vendor's Stripe account: posted, counted at the transfer, and credited
-- to the vendor. What was wanted beyond it stays a debt (CARRIED). False when it was known.
create or replace function reversal_finish(p_id uuid, p_provider_id text) returns boolean
language plpgsql as $$
declare
    v_reversal transfer_reversals;
    v_part record;
begin
    select vendor_orders.order_id, vendor_orders.vendor_id, vendor_orders.currency into v_part
    from transfer_reversals as r
    inner join vendor_orders on vendor_orders.id = r.vendor_order_id
    where r.id = p_id;
    perform from orders where id = v_part.order_id for update;
    perform from transfers
    where id = (select transfer_id from transfer_reversals where id = p_id) for update;
    update transfer_reversals set reversed_minor = asked_minor,
        provider_reversal_id = p_provider_id, updated_at = now(),
        status = case when asked_minor = wanted_minor then 'DONE' else 'CARRIED' end
    where id = p_id and status = 'PENDING'
    returning * into v_reversal;
    if v_reversal.id is null then
        return false;
    end if;
    update transfers set reversed_minor = reversed_minor + v_reversal.reversed_minor,
        updated_at = now()
    where id = v_reversal.transfer_id;
    perform ledger_post('reversal', p_id, v_part.order_id, v_part.currency,
        array['stripe', 'vendor:' || v_part.vendor_id],
        array[v_reversal.reversed_minor, -v_reversal.reversed_minor]);
    perform payout_adjust(
        'REVERSAL', v_reversal.vendor_order_id, p_id, v_reversal.reversed_minor);
    perform event_emit('transfer.reversed', jsonb_build_object(
        'transferId', v_reversal.transfer_id, 'reversalId', p_id,
        'vendorId', v_part.vendor_id, 'vendorOrderId', v_reversal.vendor_order_id,
        'amount', money_json(v_reversal.reversed_minor, v_part.currency)));
    return true;
end;
$$;
