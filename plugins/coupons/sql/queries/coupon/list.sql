-- $1 code or null for all
select
    coupons.id, coupons.code, coupons.percent_bps as "percentBps",
    coupons.amount_minor as "amount?.amount", coupons.currency as "amount?.currency",
    coupons.bearer, coupons.category, coupons.vendor_id as "vendorId",
    coupons.minimum_minor as minimum, coupons.limit_total as "limit",
    coupons.limit_per_buyer as "limitPerBuyer", coupons.starts_at as "startsAt",
    coupons.ends_at as "endsAt", coupons.is_active as "isActive",
    (
        select count(*) from plugin_coupons.redemptions
        inner join public.orders on orders.id = redemptions.order_id
        where redemptions.coupon_id = coupons.id and orders.status not in ('CANCELLED', 'EXPIRED')
    ) as uses,
    coupons.created_at as "createdAt"
from plugin_coupons.coupons
where $1::text is null or coupons.code = $1
order by coupons.created_at desc
limit 1000;
