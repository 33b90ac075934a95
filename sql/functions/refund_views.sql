-- How a refund looks to those who may see all of it: how it falls on the vendors, and its units.
drop view if exists refund_public;
create view refund_public as
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
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'orderItemId', refund_items.order_item_id,
            'quantity', refund_items.quantity,
            'amount', money_json(refund_items.amount_minor, refunds.currency),
            'restocked', refund_items.restocked
        ) order by refund_items.order_item_id), '[]')
        from refund_items where refund_items.refund_id = refunds.id
    ) as items,
    refunds.failure_message as "failureMessage",
    refunds.created_at as "createdAt",
    refunds.updated_at as "updatedAt",
    refunds.created_at::text as "~sort"
from refunds;
