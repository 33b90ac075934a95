-- $1 status or null, $2 order or null; $3, $4 cursor; $5 limit, $6 offset
select
    refunds.id,
    refunds.order_id as "orderId",
    refunds.payment_id as "paymentId",
    refunds.cause,
    refunds.reason,
    refunds.status,
    refunds.amount_minor as "amount.amount",
    refunds.currency as "amount.currency",
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', refund_parts.vendor_order_id,
            'amount', money_json(refund_parts.amount_minor, refunds.currency),
            'platformFee', money_json(refund_parts.fee_minor, refunds.currency),
            'earnings', money_json(refund_parts.earnings_minor, refunds.currency)
        ) order by refund_parts.vendor_order_id), '[]')
        from refund_parts where refund_parts.refund_id = refunds.id
    ) as "vendorOrders",
    refunds.failure_message as "failureMessage",
    refunds.created_at as "createdAt",
    refunds.updated_at as "updatedAt",
    refunds.created_at::text as "~sort"
from refunds
where ($1::text is null or refunds.status = $1)
    and ($2::uuid is null or refunds.order_id = $2::uuid)
    and ($3::timestamptz is null or (refunds.created_at, refunds.id) < ($3::timestamptz, $4::uuid))
order by refunds.created_at desc, refunds.id desc
limit $5::integer offset $6::integer;
