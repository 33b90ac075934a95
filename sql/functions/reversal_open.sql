-- Opens the reversals that take p_amount of a vendor order back, for a refund or a dispute: one per
-- transfer that was made, oldest first, up to what of it is neither reversed nor about to be. What
-- was opened for the same cause before counts. A transfer on its way is left alone: its end opens
-- what is missing. Returns the new rows; the caller queues their calls in the same transaction.
create or replace function reversal_open(
    p_vendor_order_id uuid, p_amount bigint, p_refund_id uuid, p_dispute_id uuid
) returns setof uuid language plpgsql as $$
declare
    v_cause_id uuid := coalesce(p_refund_id, p_dispute_id);
    v_left bigint;
    v_transfer record;
    v_id uuid;
begin
    perform from orders
    where id = (select order_id from vendor_orders where id = p_vendor_order_id) for update;
    perform from transfers where vendor_order_id = p_vendor_order_id order by id for update;
    select p_amount - coalesce(sum(wanted_minor), 0) into v_left
    from transfer_reversals
    where vendor_order_id = p_vendor_order_id and coalesce(refund_id, dispute_id) = v_cause_id;
    for v_transfer in
        select transfers.id, transfers.amount_minor - transfers.reversed_minor - coalesce((
                select sum(r.wanted_minor) from transfer_reversals as r
                where r.transfer_id = transfers.id and r.status in ('PENDING', 'SHORT')
            ), 0) as room
        from transfers
        where vendor_order_id = p_vendor_order_id and status = 'DONE' and not exists (
            select from transfer_reversals as r
            where r.transfer_id = transfers.id
                and coalesce(r.refund_id, r.dispute_id) = v_cause_id
        )
        order by transfers.created_at, transfers.id
    loop
        exit when v_left <= 0;
        continue when v_transfer.room <= 0;
        insert into transfer_reversals (transfer_id, vendor_order_id, refund_id, dispute_id,
            wanted_minor, asked_minor)
        values (v_transfer.id, p_vendor_order_id, p_refund_id, p_dispute_id,
            least(v_transfer.room, v_left), least(v_transfer.room, v_left))
        returning id into v_id;
        v_left := v_left - least(v_transfer.room, v_left);
        return next v_id;
    end loop;
    perform payout_settle_cause(p_vendor_order_id, v_cause_id);
end;
$$;
