-- $1 id
select * from product_public where id = $1::uuid;
