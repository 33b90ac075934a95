-- $1 order, $2 currency, $3 policy version; then a vendor order each: $4 ids, $5 vendors, $6
-- subtotals, $7 fees, $8 reasons, $9 inputs of the policy, $10 shipping within the subtotal
insert into vendor_orders (
    id, order_id, vendor_id, currency, subtotal_minor, fee_minor, earnings_minor,
    fee_policy_version, fee_reason, fee_input, shipping_minor
)
select
    v.id, $1::uuid, v.vendor_id, $2, v.subtotal_minor, v.fee_minor, v.subtotal_minor - v.fee_minor,
    $3, v.fee_reason, v.fee_input::jsonb, v.shipping_minor
from unnest(
    $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::bigint[]
) as v (id, vendor_id, subtotal_minor, fee_minor, fee_reason, fee_input, shipping_minor);
