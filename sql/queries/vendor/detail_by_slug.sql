-- $1 slug, $2 whether only an active one is wanted
select * from vendor_public where slug = $1 and (not $2::boolean or status = 'ACTIVE');
