-- :points places around 400 towns, the larger ones first as in life, a twentieth exactly on another,
-- some on the antimeridian and the poles; 1 in 250 with a rare bit. Straight into what the index
-- reads: what a vendor says besides plays no part here.
truncate vendor_places;
alter table vendor_places set unlogged;
alter table vendor_places drop constraint if exists vendor_places_pkey;
drop index if exists vendor_places_changed_xid_vendor_id_idx;
drop index if exists vendor_places_lon_lat_idx;
select setseed(0.5);
create temporary table towns as
select number, degrees(asin(2 * random() - 1)) * 0.85 as lat, random() * 360 - 180 as lon
from generate_series(0, 399) as number;
create unique index on towns (number);
insert into vendor_places (vendor_id, lat_deg, lon_deg, is_shown, mask)
select
    gen_random_uuid(),
    greatest(-90, least(90, case
        when drawn.number % 1000 = 0 then 90
        when drawn.number % 20 = 1 then round(towns.lat::numeric, 2)
        else towns.lat + drawn.spread * cos(drawn.angle)
    end)),
    case
        when drawn.number % 1000 = 1 then 180
        when drawn.number % 20 = 1 then round(towns.lon::numeric, 2)
        else mod((towns.lon + drawn.spread * sin(drawn.angle) + 540)::numeric, 360) - 180
    end,
    true,
    case when drawn.number % 250 = 0 then 3 else 1 end
from (
    select
        series.number,
        floor(400 * random() * random())::integer as town,
        random() * random() * 0.5 as spread,
        random() * 2 * pi() as angle
    from generate_series(1, :points) as series (number)
) as drawn
inner join towns on towns.number = drawn.town;
-- As a table is that has been there for a while: who reads it first does not write hints into it.
vacuum (analyze) vendor_places;
