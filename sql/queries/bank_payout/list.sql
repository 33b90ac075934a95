-- $1 vendor or null for all, $2 status or null; $3, $4 cursor; $5 limit, $6 offset
select
    id,
    vendor_id as "vendorId",
    provider_payout_id as "providerPayoutId",
    amount_minor as "amount.amount",
    currency as "amount.currency",
    status,
    failure_message as "failureMessage",
    arrives_at as "arrivesAt",
    occurred_at as "createdAt",
    updated_at as "updatedAt",
    created_at::text as "~sort"
from bank_payouts
where ($1::uuid is null or vendor_id = $1::uuid)
    and ($2::text is null or status = $2)
    and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $4::uuid))
order by created_at desc, id desc
limit $5::integer offset $6::integer;
