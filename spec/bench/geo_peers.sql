-- k nearest of the same points by the peer's own index, in a loop inside PostgreSQL: no client, no
-- round trip. :peer is postgis or cube, :queries how many.
select set_config('bench.peer', :'peer', false), set_config('bench.queries', :'queries', false);
drop table if exists peer_points;
do $$
begin
    if current_setting('bench.peer') = 'postgis' then
        create extension if not exists postgis;
        create table peer_points as
        select vendor_id as id, st_point(lon_deg, lat_deg)::geography as at from vendor_places;
        create index on peer_points using gist (at);
    else
        create extension if not exists cube;
        create extension if not exists earthdistance;
        create table peer_points as
        select vendor_id as id, ll_to_earth(lat_deg, lon_deg)::cube as at from vendor_places;
        create index on peer_points using gist (at);
    end if;
end;
$$;
analyze peer_points;
do $$
declare
    center record;
    began timestamptz;
    took double precision[] := '{}';
    nearest uuid[];
begin
    for center in
        select lat_deg, lon_deg from vendor_places tablesample system (5)
        order by md5(vendor_id::text) limit current_setting('bench.queries')::integer
    loop
        began := clock_timestamp();
        if current_setting('bench.peer') = 'postgis' then
            select array_agg(near_by.id) into nearest from (
                select id from peer_points
                order by at <-> st_point(center.lon_deg + 0.003, center.lat_deg)::geography limit 20
            ) as near_by;
        else
            select array_agg(near_by.id) into nearest from (
                select id from peer_points
                order by at <-> ll_to_earth(center.lat_deg, center.lon_deg + 0.003) limit 20
            ) as near_by;
        end if;
        took := took || extract(epoch from clock_timestamp() - began)::double precision * 1e6;
    end loop;
    perform set_config('bench.result', (
        select format('%s %s %s',
            percentile_cont(0.5) within group (order by us),
            percentile_cont(0.95) within group (order by us),
            percentile_cont(0.99) within group (order by us))
        from unnest(took) as us
    ), false);
end;
$$;
select current_setting('bench.result');
