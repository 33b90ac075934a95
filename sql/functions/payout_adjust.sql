-- A change of what a vendor order earned: next to what it belongs to (items of the same cause, else
-- the earning) while that payout is open, else into the vendor's open payout, where a debt is netted
-- from what comes next. p_cause_id: the refund, dispute or reversal, as p_kind says. Not due while a
-- reversal of that cause is underway: what comes of it decides.
create or replace function payout_adjust(
    p_kind text, p_vendor_order_id uuid, p_cause_id uuid, p_amount_minor bigint
) returns void language plpgsql as $$
declare
    v_refund_id uuid := case when p_kind in ('REFUND', 'REFUND_FAILED') then p_cause_id end;
    v_dispute_id uuid := case when p_kind in ('DISPUTE', 'DISPUTE_WON') then p_cause_id end;
    v_cause_id uuid := p_cause_id;
    v_payout_id uuid;
begin
    if p_kind = 'REVERSAL' then
        select coalesce(refund_id, dispute_id) into v_cause_id
        from transfer_reversals where id = p_cause_id;
    end if;
    select payouts.id into v_payout_id
    from payout_items as i
    inner join payouts on payouts.id = i.payout_id
    left join transfer_reversals as r on r.id = i.reversal_id
    where i.vendor_order_id = p_vendor_order_id and payouts.status in ('PENDING', 'ON_HOLD')
        and (i.kind = 'EARNING' or v_cause_id
            in (i.refund_id, i.dispute_id, r.refund_id, r.dispute_id))
    order by i.kind = 'EARNING', i.id
    limit 1
    for update of payouts;
    if v_payout_id is null then
        select payout_open(vendor_id, currency) into v_payout_id
        from vendor_orders where id = p_vendor_order_id;
    end if;
    insert into payout_items
        (payout_id, kind, vendor_order_id, refund_id, dispute_id, reversal_id, amount_minor, due_at)
    values (v_payout_id, p_kind, p_vendor_order_id, v_refund_id, v_dispute_id,
        case when p_kind = 'REVERSAL' then p_cause_id end, p_amount_minor, now());
    update payouts set amount_minor = amount_minor + p_amount_minor, updated_at = now()
    where id = v_payout_id;
    perform payout_settle_cause(p_vendor_order_id, v_cause_id);
end;
$$;
