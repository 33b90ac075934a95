-- $1 vendor; else as product/newest: $2, $3 cursor, $4 limit, $5 offset (0).
select *
from (
    select product_public.*, "createdAt" as "~sort"
    from product_public
    where "vendorId" = $1::uuid
        and ("createdAt", id) < (
            coalesce($2::timestamptz, 'infinity'),
            coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        )
    order by "createdAt" desc, id desc
    limit 101
) as newest
limit $4::integer offset $5::integer;
