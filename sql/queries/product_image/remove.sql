-- $1 image, $2 product
delete from product_images where id = $1::uuid and product_id = $2::uuid
returning url;
