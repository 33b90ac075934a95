-- $1 id, $2 user, $3 business name, $4 slug, $5 slug when that is taken, $6 description, $7
-- latitude, $8 longitude
insert into vendors (id, user_id, business_name, slug, description, lat_deg, lon_deg)
values (
    $1::uuid, $2::uuid, $3,
    case when exists (select from vendors where vendors.slug = $4) then $5 else $4 end,
    $6, $7::double precision, $8::double precision
);
