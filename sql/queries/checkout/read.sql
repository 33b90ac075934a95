-- $1 buyer. What the cart costs now, what the policies want to know, and which versions of them
-- decide (asked once, whatever the number of lines). A cart has its buyer's id.
select
    cart_items.product_id,
    cart_items.quantity,
    products.name,
    products.price_minor,
    products.currency,
    case when products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
        then greatest(product_stock.stock - product_stock.reserved, 0) else 0 end as available,
    vendors.id as vendor_id,
    vendors.tier,
    vendors.country,
    vendors.lat_deg,
    vendors.lon_deg,
    (
        select hash from policy_candidates
        where name = 'fee' and (percent = 100 or percent > policy_share($1::uuid))
        order by starts_at desc, id desc limit 1
    ) as fee_policy,
    (
        select hash from policy_candidates
        where name = 'shipping' and (percent = 100 or percent > policy_share($1::uuid))
        order by starts_at desc, id desc limit 1
    ) as shipping_policy,
    (
        select hash from policy_candidates
        where name = 'limits' and (percent = 100 or percent > policy_share($1::uuid))
        order by starts_at desc, id desc limit 1
    ) as limits_policy,
    product_cards.categories::text as categories
from cart_items
inner join products on products.id = cart_items.product_id
inner join product_stock on product_stock.product_id = products.id
inner join vendors on vendors.id = products.vendor_id
left join product_cards on product_cards.product_id = products.id
where cart_items.cart_id = $1::uuid
order by vendors.id, products.id;
