-- $1 vendor, $2 status or null; $3, $4 cursor; $5 limit, $6 offset
select
    vendor_orders.id,
    vendor_orders.order_id as "orderId",
    vendor_orders.vendor_id as "vendorId",
    vendor_orders.status,
    vendor_orders.subtotal_minor as "subtotal.amount",
    vendor_orders.currency as "subtotal.currency",
    vendor_orders.shipping_minor as "shipping.amount",
    vendor_orders.currency as "shipping.currency",
    vendor_orders.fee_minor as "platformFee.amount",
    vendor_orders.currency as "platformFee.currency",
    vendor_orders.earnings_minor as "earnings.amount",
    vendor_orders.currency as "earnings.currency",
    order_fees_json(vendor_orders.id, vendor_orders.currency) as "feeLines",
    vendor_orders.fee_policy_version as "feePolicyVersion",
    order_items_json(vendor_orders.order_id, vendor_orders.id, vendor_orders.currency) as items,
    case when vendor_orders.confirmed_at is not null then orders.shipping_address end
        as "shippingAddress",
    tracking_json(vendor_orders.carrier, vendor_orders.tracking_number) as tracking,
    vendor_orders.created_at as "createdAt",
    vendor_orders.updated_at as "updatedAt",
    vendor_orders.created_at::text as "~sort"
from vendor_orders
inner join orders on orders.id = vendor_orders.order_id
where vendor_orders.vendor_id = $1::uuid
    and ($2::text is null or vendor_orders.status = $2)
    and (
        $3::timestamptz is null
        or (vendor_orders.created_at, vendor_orders.id) < ($3::timestamptz, $4::uuid)
    )
order by vendor_orders.created_at desc, vendor_orders.id desc
limit $5::integer offset $6::integer;
