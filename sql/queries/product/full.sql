-- $1 id, $2 vendor (null: any). For its vendor and for admins.
select * from product_full
where id = $1::uuid and ($2::uuid is null or "vendorId" = $2::uuid);
