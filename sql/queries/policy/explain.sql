-- $1 order. What each vendor order's fee was made of.
select
    vendor_orders.id, vendor_orders.vendor_id, vendor_orders.currency, vendor_orders.subtotal_minor,
    vendor_orders.fee_minor, vendor_orders.fee_policy, vendor_orders.fee_policy_version,
    vendor_orders.fee_reason, vendor_orders.fee_input, policy_versions.version,
    policy_versions.source,
    (
        select jsonb_agg(jsonb_build_object('name', fee_lines.name, 'amount',
            money_json(fee_lines.amount_minor, vendor_orders.currency))
            order by fee_lines.position)
        from fee_lines where fee_lines.vendor_order_id = vendor_orders.id
    ) as lines
from vendor_orders
left join policy_versions on policy_versions.name = vendor_orders.fee_policy
    and policy_versions.hash = vendor_orders.fee_policy_version
where vendor_orders.order_id = $1::uuid
order by vendor_orders.id;
