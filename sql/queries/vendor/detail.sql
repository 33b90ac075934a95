-- $1 id, $2 whether only an active one is wanted
select * from vendor_public where id = $1::uuid and (not $2::boolean or status = 'ACTIVE');
