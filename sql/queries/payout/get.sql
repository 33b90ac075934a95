-- $1 payout, $2 vendor
select
    payouts.id,
    payouts.vendor_id as "vendorId",
    payouts.status,
    payouts.provider,
    payouts.amount_minor as "amount.amount",
    payouts.currency as "amount.currency",
    (
        select count(*) from payout_items where payout_items.payout_id = payouts.id
    ) as "itemCount",
    payouts.hold_reason as "holdReason",
    payouts.failure_message as "failureMessage",
    payouts.paid_at as "paidAt",
    payouts.created_at as "createdAt",
    payouts.updated_at as "updatedAt",
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', payout_items.id, 'kind', payout_items.kind,
            'vendorOrderId', payout_items.vendor_order_id,
            'amount', money_json(payout_items.amount_minor, payouts.currency),
            'dueAt', time_json(payout_items.due_at),
            'createdAt', time_json(payout_items.created_at)
        ) order by payout_items.created_at, payout_items.id), '[]')
        from payout_items where payout_items.payout_id = payouts.id
    ) as items
from payouts
where payouts.id = $1::uuid and payouts.vendor_id = $2::uuid;
