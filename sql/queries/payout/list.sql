-- $1 vendor or null for all, $2 status or null; $3, $4 cursor; $5 limit, $6 offset
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
    payouts.created_at::text as "~sort"
from payouts
where ($1::uuid is null or payouts.vendor_id = $1::uuid)
    and ($2::text is null or payouts.status = $2)
    and ($3::timestamptz is null or (payouts.created_at, payouts.id) < ($3::timestamptz, $4::uuid))
order by payouts.created_at desc, payouts.id desc
limit $5::integer offset $6::integer;
