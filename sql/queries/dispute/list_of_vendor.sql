-- $1 vendor, $2 state or null; $3, $4 cursor; $5 limit, $6 offset. A vendor's own parts: nothing of
-- the buyer, nor of other vendors.
select
    disputes.id,
    vendor_orders.order_id as "orderId",
    vendor_orders.id as "vendorOrderId",
    disputes.state,
    disputes.reason,
    dispute_parts.amount_minor as "amount.amount",
    disputes.currency as "amount.currency",
    dispute_parts.liable,
    disputes.evidence_due_at as "evidenceDueAt",
    disputes.opened_at as "openedAt",
    disputes.closed_at as "closedAt",
    disputes.created_at::text as "~sort"
from vendor_orders
inner join dispute_parts on dispute_parts.vendor_order_id = vendor_orders.id
inner join disputes on disputes.id = dispute_parts.dispute_id
where vendor_orders.vendor_id = $1::uuid
    and ($2::text is null or disputes.state = $2)
    and (
        $3::timestamptz is null
        or (disputes.created_at, disputes.id) < ($3::timestamptz, $4::uuid)
    )
order by disputes.created_at desc, disputes.id desc
limit $5::integer offset $6::integer;
