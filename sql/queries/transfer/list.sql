-- $1 vendor or null, $2 status or null, $3 payout or null; $4, $5 cursor; $6 limit, $7 offset
select
    transfers.id,
    transfers.payout_id as "payoutId",
    transfers.vendor_id as "vendorId",
    transfers.vendor_order_id as "vendorOrderId",
    transfers.destination,
    transfers.status,
    transfers.amount_minor as "amount.amount",
    transfers.currency as "amount.currency",
    transfers.reversed_minor as "reversed.amount",
    transfers.currency as "reversed.currency",
    transfers.provider_transfer_id as "providerTransferId",
    transfers.failure_code as "failureCode",
    transfers.failure_message as "failureMessage",
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', r.id, 'status', r.status, 'refundId', r.refund_id, 'disputeId', r.dispute_id,
            'wanted', money_json(r.wanted_minor, transfers.currency),
            'reversed', money_json(r.reversed_minor, transfers.currency),
            'providerReversalId', r.provider_reversal_id, 'failureCode', r.failure_code,
            'createdAt', time_json(r.created_at)
        ) order by r.id), '[]')
        from transfer_reversals as r where r.transfer_id = transfers.id
    ) as reversals,
    transfers.created_at as "createdAt",
    transfers.updated_at as "updatedAt",
    transfers.created_at::text as "~sort"
from transfers
where ($1::uuid is null or transfers.vendor_id = $1::uuid)
    and ($2::text is null or transfers.status = $2)
    and ($3::uuid is null or transfers.payout_id = $3::uuid)
    and ($4::timestamptz is null
        or (transfers.created_at, transfers.id) < ($4::timestamptz, $5::uuid))
order by transfers.created_at desc, transfers.id desc
limit $6::integer offset $7::integer;
