-- While the index in memory is not loaded. $1 latitude, $2 longitude, $3 metres at most or null,
-- $4 bits wanted, $5 metres and $6 id to go on after, or null, $7 limit.
select id, distance_m
from place_near(
    $1::double precision, $2::double precision, $3::double precision, $4::bigint,
    $5::double precision, $6::uuid, $7::integer
);
