-- $1 buyer
delete from cart_items using carts
where carts.id = cart_items.cart_id and carts.buyer_id = $1::uuid;
