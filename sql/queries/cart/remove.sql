-- $1 buyer, $2 line
delete from cart_items using carts
where carts.id = cart_items.cart_id and carts.buyer_id = $1::uuid and cart_items.id = $2::uuid
returning cart_items.id;
