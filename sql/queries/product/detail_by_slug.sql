-- $1 slug
select * from product_public where slug = $1;
