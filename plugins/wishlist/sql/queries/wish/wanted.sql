-- $1 vendor
select products.id as "productId", products.name, count(*) as wishes
from plugin_wishlist.wishes
inner join public.products on products.id = wishes.product_id
where products.vendor_id = $1::uuid
group by products.id, products.name
order by wishes desc, products.id
limit 100;
