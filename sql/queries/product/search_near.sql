-- As product/search, for filters that name near vendors.
select
    product_public.*,
    round((hit.distance_m / 1000)::numeric, 3) as "distanceKm",
    hit.sort as "~sort"
from product_search($1::jsonb, $2, $3, $4::uuid, $5::integer, $6::integer) as hit
inner join product_public on product_public.id = hit.id
order by hit.place;
