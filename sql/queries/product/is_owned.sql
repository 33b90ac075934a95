-- $1 id, $2 vendor (null: any)
select id from products where id = $1::uuid and ($2::uuid is null or vendor_id = $2::uuid);
