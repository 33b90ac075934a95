-- Whether what a refund or a dispute changed at a vendor order counts yet: not while a reversal for
-- it is underway, for then it is not known how much of the debt is left. Also the reversals' own
-- items wait, or a run would send back what has just come back.
create or replace function payout_settle_cause(p_vendor_order_id uuid, p_cause_id uuid)
returns void language plpgsql as $$
declare
    v_is_underway boolean := exists (
        select from transfer_reversals
        where vendor_order_id = p_vendor_order_id and coalesce(refund_id, dispute_id) = p_cause_id
            and status in ('PENDING', 'SHORT')
    );
begin
    update payout_items as i
    set due_at = case when not v_is_underway then now() end
    from payouts
    where payouts.id = i.payout_id and payouts.status in ('PENDING', 'ON_HOLD', 'FAILED')
        and i.vendor_order_id = p_vendor_order_id
        and (i.due_at is null) <> v_is_underway
        and (p_cause_id in (i.refund_id, i.dispute_id) or exists (
            select from transfer_reversals as r
            where r.id = i.reversal_id and coalesce(r.refund_id, r.dispute_id) = p_cause_id
        ));
end;
$$;
