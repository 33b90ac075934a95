-- The items of an open payout that a run may take: due, of vendor orders whose earning is not
-- waiting in the same payout, that are not disputed, and that have no transfer on its way.
create or replace function payout_due_items(p_payout_id uuid)
returns table (item_id uuid, vendor_order_id uuid, amount_minor bigint) language sql stable as $$
    select i.id, i.vendor_order_id, i.amount_minor
    from payout_items as i
    left join vendor_orders on vendor_orders.id = i.vendor_order_id
    where i.payout_id = p_payout_id and i.due_at <= now()
        and not exists (
            select from payout_items as e
            where e.payout_id = p_payout_id and e.vendor_order_id = i.vendor_order_id
                and e.kind = 'EARNING' and (e.due_at is null or e.due_at > now())
        )
        and not exists (
            select from disputes
            where disputes.order_id = vendor_orders.order_id
                and disputes.state in ('INQUIRY', 'OPEN')
        )
        and not exists (
            select from transfers
            where transfers.vendor_order_id = i.vendor_order_id and transfers.status = 'PENDING'
        );
$$;
