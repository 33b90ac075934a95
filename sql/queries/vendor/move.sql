-- $1 id, $2 latitude, $3 longitude in degrees
update vendors
set lat_deg = $2::double precision, lon_deg = $3::double precision, updated_at = now()
where id = $1::uuid;
