-- $1 ids of hits found elsewhere, in order, $2 their sort values, both JSON. Who found them has gone
-- on from the cursor ($3, $4) and left out the offset ($6) already. $5 limit.
select product_public.*, hit.sort as "~sort"
from rows from (
    jsonb_array_elements_text($1::jsonb), jsonb_array_elements_text($2::jsonb)
) with ordinality as hit (id, sort, place)
inner join product_public on product_public.id = hit.id::uuid
where num_nulls($3::text, $4::uuid, $6::integer) >= 0
order by hit.place
limit $5::integer;
