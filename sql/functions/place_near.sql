-- Metres along the mean sphere, as core/geo measures but for the last digits: by the chord.
create or replace function place_distance_m(
    p_lat_deg double precision, p_lon_deg double precision,
    p_other_lat_deg double precision, p_other_lon_deg double precision
) returns double precision language sql immutable strict parallel safe as $$
    select 2 * 6371008.8 * asin(least(1, sqrt(
        (
            cos(radians(p_lat_deg)) * cos(radians(p_lon_deg))
            - cos(radians(p_other_lat_deg)) * cos(radians(p_other_lon_deg))
        ) ^ 2
        + (
            cos(radians(p_lat_deg)) * sin(radians(p_lon_deg))
            - cos(radians(p_other_lat_deg)) * sin(radians(p_other_lon_deg))
        ) ^ 2
        + (sin(radians(p_lat_deg)) - sin(radians(p_other_lat_deg))) ^ 2
    ) / 2))
$$;

-- Whether a place may lie within reach: in a box around it, which goes over the antimeridian or holds
-- a pole where it must. By the index of vendor_places.
create or replace function place_boxes(
    p_lat_deg double precision, p_lon_deg double precision, p_reach_m double precision
) returns box[] language plpgsql immutable strict parallel safe as $$
declare
    angle double precision := least(p_reach_m / 6371008.8, pi());
    up double precision := degrees(angle) + 1e-6;
    lon double precision := p_lon_deg - 360 * floor((p_lon_deg + 180) / 360);
    aside double precision := 360;
begin
    if abs(p_lat_deg) + up < 90 then
        aside := degrees(asin(least(1, sin(angle) / cos(radians(p_lat_deg))))) + 1e-6;
    end if;
    if aside >= 180 then
        return array[box(point(-180, p_lat_deg - up), point(180, p_lat_deg + up))];
    end if;
    return array[
        box(point(lon - aside, p_lat_deg - up), point(lon + aside, p_lat_deg + up)),
        box(point(lon - aside - 360, p_lat_deg - up), point(lon + aside - 360, p_lat_deg + up)),
        box(point(lon - aside + 360, p_lat_deg - up), point(lon + aside + 360, p_lat_deg + up))
    ];
end;
$$;

-- The nearest shown vendors with all bits of p_mask within p_radius_m (null: everywhere), after
-- (p_after_m, p_after_id) where that is given. Looks farther and farther until enough are found.
create or replace function place_near(
    p_lat_deg double precision, p_lon_deg double precision, p_radius_m double precision,
    p_mask bigint, p_after_m double precision, p_after_id uuid, p_limit integer
) returns table (id uuid, distance_m double precision) language plpgsql stable as $$
declare
    farthest double precision := least(p_radius_m, pi() * 6371008.8 + 1);
    reach double precision := least(greatest(1000, 2 * p_after_m), farthest);
    boxes box[];
    found_ids uuid[];
    found_m double precision[];
begin
    loop
        boxes := place_boxes(p_lat_deg, p_lon_deg, reach);
        select array_agg(nearest.vendor_id), array_agg(nearest.away_m)
        into found_ids, found_m
        from (
            select near_by.vendor_id, near_by.away_m
            from (
                select vendor_places.vendor_id, place_distance_m(
                    vendor_places.lat_deg, vendor_places.lon_deg, p_lat_deg, p_lon_deg
                ) as away_m
                from vendor_places
                where vendor_places.is_shown and vendor_places.mask & p_mask = p_mask and (
                    point(vendor_places.lon_deg, vendor_places.lat_deg) <@ boxes[1]
                    or point(vendor_places.lon_deg, vendor_places.lat_deg) <@ boxes[2]
                    or point(vendor_places.lon_deg, vendor_places.lat_deg) <@ boxes[3]
                )
            ) as near_by
            where near_by.away_m <= reach
                and (p_after_m is null
                    or (near_by.away_m, near_by.vendor_id) > (p_after_m, p_after_id))
            order by near_by.away_m, near_by.vendor_id
            limit p_limit
        ) as nearest;
        exit when reach >= farthest or coalesce(array_length(found_ids, 1), 0) >= p_limit;
        reach := least(reach * 8, farthest);
    end loop;
    return query select found.vendor_id, found.away_m
    from unnest(found_ids, found_m) with ordinality as found (vendor_id, away_m, place)
    order by found.place;
end;
$$;
