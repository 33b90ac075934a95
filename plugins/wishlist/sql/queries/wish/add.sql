-- $1 buyer, $2 product, $3 note. Nothing when there is no such product to be seen.
insert into plugin_wishlist.wishes (buyer_id, product_id, price_minor, currency, note)
select $1::uuid, products.id, products.price_minor, products.currency, $3
from public.products
where products.id = $2::uuid and products.status = 'PUBLISHED'
on conflict on constraint wishes_pkey do update set note = coalesce(excluded.note, wishes.note)
returning product_id;
