-- $1 buyer, $2 product
delete from plugin_wishlist.wishes
where buyer_id = $1::uuid and product_id = $2::uuid
returning product_id;
