-- $1 buyer. What the cart costs now, what the fee policy wants to know, and which
-- version of it decides.
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
    (select policy_active('fee', $1::uuid)) as fee_policy,
    (select policy_active('shipping', $1::uuid)) as shipping_policy,
    (select policy_active('limits', $1::uuid)) as limits_policy,
    (
        select string_agg(categories.slug, ',' order by categories.slug)
        from product_categories
        inner join categories on categories.id = product_categories.category_id
        where product_categories.product_id = products.id
    ) as categories
from carts
inner join cart_items on cart_items.cart_id = carts.id
inner join products on products.id = cart_items.product_id
inner join product_stock on product_stock.product_id = products.id
inner join vendors on vendors.id = products.vendor_id
where carts.buyer_id = $1::uuid
order by vendors.id, products.id;
