-- The first page and those behind a cursor ($1, $2), $3 limit; $4 offset is 0. The inner limit
-- tells the planner that few rows are wanted whatever $3 is, and rows flow only until $3 is
-- reached.
select *
from (
    select product_public.*, "createdAt" as "~sort"
    from product_public
    where ("createdAt", id) < (
        coalesce($1::timestamptz, 'infinity'),
        coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
    order by "createdAt" desc, id desc
    limit 101
) as newest
limit $3::integer offset $4::integer;
