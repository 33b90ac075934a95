-- $1 buyers. What their carts cost now, what the policies want to know, and which versions of them
-- decide (asked once a buyer, whatever the number of lines), with a buyer's place in $1, which the
-- rows are in order of (core/bridge/db_gather.c). A cart has its buyer's id. Each "offset 0" keeps
-- the planner to looking up line by line: planned while there are hardly any carts, joins would
-- read all products for some. The inner select keeps the number of buyers from the planner, which
-- would make a plan for each.
select
    buyers.place,
    lines.product_id,
    lines.quantity,
    lines.name,
    lines.price_minor,
    lines.currency,
    lines.available,
    lines.vendor_id,
    lines.tier,
    lines.country,
    lines.lat_deg,
    lines.lon_deg,
    buyers.fee_policy,
    buyers.shipping_policy,
    buyers.limits_policy,
    lines.categories
from (
    select
        b.id,
        b.place,
        (
            select hash from policy_candidates as c
            where c.name = 'fee' and (c.percent = 100 or c.percent > policy_share(b.id))
            order by c.starts_at desc, c.id desc limit 1
        ) as fee_policy,
        (
            select hash from policy_candidates as c
            where c.name = 'shipping' and (c.percent = 100 or c.percent > policy_share(b.id))
            order by c.starts_at desc, c.id desc limit 1
        ) as shipping_policy,
        (
            select hash from policy_candidates as c
            where c.name = 'limits' and (c.percent = 100 or c.percent > policy_share(b.id))
            order by c.starts_at desc, c.id desc limit 1
        ) as limits_policy
    from unnest((select $1::uuid[])) with ordinality as b (id, place)
    offset 0
) as buyers
cross join lateral (
    select
        line.product_id,
        line.quantity,
        products.name,
        products.price_minor,
        products.currency,
        case when products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
            then greatest(product_stock.stock - product_stock.reserved, 0) else 0
        end as available,
        vendors.id as vendor_id,
        vendors.tier,
        vendors.country,
        vendors.lat_deg,
        vendors.lon_deg,
        product_cards.categories::text as categories
    from (
        select product_id, quantity from cart_items where cart_id = buyers.id offset 0
    ) as line
    inner join products on products.id = line.product_id
    inner join product_stock on product_stock.product_id = products.id
    inner join vendors on vendors.id = products.vendor_id
    left join product_cards on product_cards.product_id = products.id
    offset 0
) as lines
order by buyers.place, lines.vendor_id, lines.product_id;
