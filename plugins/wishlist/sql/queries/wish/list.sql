-- $1 buyer
select
    products.id as "productId", products.name, products.slug,
    products.price_minor as "price.amount", products.currency as "price.currency",
    wishes.price_minor as "priceThen.amount", wishes.currency as "priceThen.currency",
    products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
        and product_stock.stock > product_stock.reserved as "isAvailable",
    wishes.note, wishes.created_at as "createdAt"
from plugin_wishlist.wishes
inner join public.products on products.id = wishes.product_id
inner join public.product_stock on product_stock.product_id = products.id
inner join public.vendors on vendors.id = products.vendor_id
where wishes.buyer_id = $1::uuid
order by wishes.created_at desc, products.id
limit 500;
