-- The same points under the peer's own index, and the question that geo.near answers: who is on sale
-- nearest to $1, $2, and how far. :peer is postgis or cube.
drop table if exists peer_points;
select :'peer' = 'postgis' as is_postgis \gset
\if :is_postgis
create extension if not exists postgis;
create table peer_points as
select vendor_id as id, st_point(lon_deg, lat_deg)::geography as at, mask from vendor_places;
\else
create extension if not exists cube;
create extension if not exists earthdistance;
create table peer_points as
select vendor_id as id, ll_to_earth(lat_deg, lon_deg)::cube as at, mask from vendor_places;
\endif
create index on peer_points using gist (at);
analyze peer_points;
\if :is_postgis
prepare nearest (double precision, double precision) as
select id, at <-> st_point($2, $1)::geography as metres from peer_points
where mask & 1 = 1 order by at <-> st_point($2, $1)::geography limit 20;
\else
prepare nearest (double precision, double precision) as
select id, earth_distance(at, ll_to_earth($1, $2)) as metres from peer_points
where mask & 1 = 1 order by at <-> ll_to_earth($1, $2)::cube limit 20;
\endif
