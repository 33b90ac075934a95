-- $1 product
select count(*) as count from product_images where product_id = $1::uuid;
