-- $1 state or null, $2 order or null
select count(*) as total from disputes
where ($1::text is null or state = $1) and ($2::uuid is null or order_id = $2::uuid);
