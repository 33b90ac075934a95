-- $1 order
delete from plugin_wishlist.wishes
using public.orders, public.order_items
where orders.id = $1::uuid and order_items.order_id = orders.id
    and wishes.buyer_id = orders.buyer_id and wishes.product_id = order_items.product_id;
