-- $1 code, $2 buyer. A code with how often it is in use.
select
    coupons.id, coupons.code, coupons.percent_bps, coupons.amount_minor, coupons.currency,
    coupons.bearer, coupons.category, coupons.vendor_id, coupons.minimum_minor,
    coupons.limit_total, coupons.limit_per_buyer,
    coupons.is_active and coalesce(coupons.starts_at <= now(), true)
        and coalesce(coupons.ends_at > now(), true) as is_valid,
    uses.total as uses, uses.of_buyer as uses_of_buyer
from plugin_coupons.coupons
cross join lateral (
    select count(*) as total, count(*) filter (where redemptions.buyer_id = $2::uuid) as of_buyer
    from plugin_coupons.redemptions
    inner join public.orders on orders.id = redemptions.order_id
    where redemptions.coupon_id = coupons.id and orders.status not in ('CANCELLED', 'EXPIRED')
) as uses
where coupons.code = upper($1);
