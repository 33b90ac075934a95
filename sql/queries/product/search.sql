-- $1 filters, $2 sort, $3 $4 cursor, $5 limit, $6 offset
select
    product_public.*,
    hit.sort as "~sort"
from product_search($1::jsonb, $2, $3, $4::uuid, $5::integer, $6::integer) as hit
inner join product_public on product_public.id = hit.id
order by hit.place;
