-- As product/search, of a search that wants no rows: ids, what they score, where they are in order.
select id, coalesce(distance_m, case when $2 = 'relevance' then sort::float8 end) as score, sort
from product_search($1::jsonb, $2, $3, $4::uuid, $5::integer, $6::integer)
order by place;
