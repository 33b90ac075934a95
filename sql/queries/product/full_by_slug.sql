-- $1 slug, $2 vendor (null: any). For its vendor and for admins.
select * from product_full
where slug = $1 and status <> 'ARCHIVED' and ($2::uuid is null or "vendorId" = $2::uuid);
