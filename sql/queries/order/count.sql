-- $1 buyer, $2 status or null
select count(*) as total from orders
where buyer_id = $1::uuid and ($2::text is null or status = $2);
