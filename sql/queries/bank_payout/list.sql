-- $1 vendor or null for all, $2 status or null, $3 whether the platform's own or only vendors' are
-- wanted, or null; $4, $5 cursor; $6 limit, $7 offset
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
    and ($3::boolean is null or (vendor_id is null) = $3)
    and ($4::timestamptz is null or (created_at, id) < ($4::timestamptz, $5::uuid))
order by created_at desc, id desc
limit $6::integer offset $7::integer;
