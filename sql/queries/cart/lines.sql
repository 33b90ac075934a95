-- $1 buyer. A line a row, vendors together, in the order in which lines were added.
select
    cart_items.id,
    cart_items.product_id,
    cart_items.quantity,
    cart_items.seen_price_minor,
    products.name,
    products.slug,
    products.price_minor,
    products.currency,
    product_stock.stock - product_stock.reserved as available,
    products.status = 'PUBLISHED' and vendors.status = 'ACTIVE' as is_sellable,
    vendors.id as vendor_id,
    vendors.business_name,
    vendors.slug as vendor_slug,
    carts.updated_at,
    (
        select product_images.url from product_images
        where product_images.product_id = products.id
        order by product_images.position limit 1
    ) as image
from carts
inner join cart_items on cart_items.cart_id = carts.id
inner join products on products.id = cart_items.product_id
inner join product_stock on product_stock.product_id = products.id
inner join vendors on vendors.id = products.vendor_id
where carts.buyer_id = $1::uuid
order by cart_items.created_at, cart_items.id;
