-- How a dispute looks to those who run the marketplace.
drop view if exists dispute_public;
create view dispute_public as
select
    disputes.id,
    disputes.order_id as "orderId",
    disputes.payment_id as "paymentId",
    disputes.provider_dispute_id as "providerDisputeId",
    disputes.state,
    disputes.provider_status as "providerStatus",
    disputes.reason,
    disputes.amount_minor as "amount.amount",
    disputes.currency as "amount.currency",
    disputes.fee_minor as "fee.amount",
    disputes.currency as "fee.currency",
    disputes.is_charge_refundable as "isChargeRefundable",
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', dispute_parts.vendor_order_id, 'vendorId', vendor_orders.vendor_id,
            'amount', jsonb_build_object(
                'amount', dispute_parts.amount_minor, 'currency', disputes.currency),
            'liable', dispute_parts.liable
        ) order by dispute_parts.vendor_order_id), '[]')
        from dispute_parts
        inner join vendor_orders on vendor_orders.id = dispute_parts.vendor_order_id
        where dispute_parts.dispute_id = disputes.id
    ) as "vendorOrders",
    disputes.evidence,
    coalesce((
        select case stripe_ops.state
            when 'DONE' then 'SENT' when 'REJECTED' then 'REFUSED' else 'SENDING' end
        from stripe_ops
        where stripe_ops.kind = 'dispute_evidence' and stripe_ops.ref_id = disputes.id
        order by stripe_ops.attempt desc limit 1
    ), 'NONE') as "evidenceState",
    disputes.evidence_due_at as "evidenceDueAt",
    disputes.evidence_submitted_at as "evidenceSubmittedAt",
    disputes.opened_at as "openedAt",
    disputes.closed_at as "closedAt",
    disputes.created_at as "createdAt",
    disputes.updated_at as "updatedAt",
    disputes.created_at::text as "~sort"
from disputes;
