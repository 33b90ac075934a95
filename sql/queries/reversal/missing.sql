-- $1 transfer that was made. Refunds and disputes of its vendor order that came while it was on its
-- way, so that nothing could be opened for them.
select causes.refund_id, causes.dispute_id, causes.amount_minor, transfers.vendor_order_id
from transfers
cross join lateral (
    select i.refund_id, i.dispute_id, -i.amount_minor as amount_minor
    from payout_items as i
    inner join payouts on payouts.id = i.payout_id
    left join refunds on refunds.id = i.refund_id
    where i.vendor_order_id = transfers.vendor_order_id and i.kind in ('REFUND', 'DISPUTE')
        and i.payout_id <> transfers.payout_id and payouts.status in ('PENDING', 'ON_HOLD')
        and refunds.status is distinct from 'FAILED'
    union
    select null, p.dispute_id, p.amount_minor
    from dispute_parts as p
    inner join disputes on disputes.id = p.dispute_id
    where p.vendor_order_id = transfers.vendor_order_id and p.is_reversed
        and disputes.state = 'OPEN'
) as causes
where transfers.id = $1::uuid and causes.amount_minor > 0 and not exists (
    select from transfer_reversals as r
    where r.vendor_order_id = transfers.vendor_order_id
        and coalesce(r.refund_id, r.dispute_id) = coalesce(causes.refund_id, causes.dispute_id)
);
