-- $1 payout, $2 vendor or null for anyone's
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
    payouts.reference,
    payouts.taken_at as "takenAt",
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
    ) as items,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', transfers.id, 'status', transfers.status,
            'vendorOrderId', transfers.vendor_order_id,
            'amount', money_json(transfers.amount_minor, transfers.currency),
            'reversed', money_json(transfers.reversed_minor, transfers.currency),
            'providerTransferId', transfers.provider_transfer_id,
            'failureMessage', transfers.failure_message,
            'createdAt', time_json(transfers.created_at)
        ) order by transfers.id), '[]')
        from transfers where transfers.payout_id = payouts.id
    ) as transfers
from payouts
where payouts.id = $1::uuid and ($2::uuid is null or payouts.vendor_id = $2::uuid);
