-- A payout by Stripe ends when no transfer of it is on its way: PAID when they make up its amount,
-- else FAILED. Then what was transferred is taken off, so that its amount is what is left and can
-- be tried again.
create or replace function payout_end(p_payout_id uuid) returns void language plpgsql as $$
declare
    v_payout payouts;
    v_done bigint;
    v_failed transfers;
begin
    select * into v_payout from payouts where id = p_payout_id for update;
    if v_payout.status <> 'PROCESSING' or exists (
        select from transfers where payout_id = p_payout_id and status = 'PENDING'
    ) then
        return;
    end if;
    select coalesce(sum(t.amount_minor), 0) into v_done
    from transfers as t
    where t.payout_id = p_payout_id and t.status = 'DONE' and not exists (
        select from payout_items as i where i.kind = 'TRANSFERRED' and i.transfer_id = t.id
    );
    if v_done = v_payout.amount_minor then
        update payouts set status = 'PAID', paid_at = now(), updated_at = now()
        where id = p_payout_id;
    else
        select * into v_failed from transfers
        where payout_id = p_payout_id and status = 'FAILED' order by updated_at desc, id limit 1;
        insert into payout_items
            (payout_id, kind, vendor_order_id, transfer_id, amount_minor, due_at)
        select p_payout_id, 'TRANSFERRED', t.vendor_order_id, t.id, -t.amount_minor, now()
        from transfers as t
        where t.payout_id = p_payout_id and t.status = 'DONE'
        on conflict do nothing;
        update payouts set status = 'FAILED', amount_minor = amount_minor - v_done,
            failure_code = v_failed.failure_code, failure_message = v_failed.failure_message,
            updated_at = now()
        where id = p_payout_id;
    end if;
    perform event_emit(
        case when v_done = v_payout.amount_minor then 'payout.paid' else 'payout.failed' end,
        jsonb_build_object('payoutId', p_payout_id, 'vendorId', v_payout.vendor_id,
            'amount', money_json(v_payout.amount_minor, v_payout.currency)));
end;
$$;
