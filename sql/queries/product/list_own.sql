-- $1 vendor, $2 status (null: all), $3 $4 cursor, $5 limit, $6 offset
select product_full.*, "createdAt"::text as "~sort"
from product_full
where "vendorId" = $1::uuid
    and ($2::text is null or status = $2)
    and ("createdAt", id) < (
        coalesce($3::timestamptz, 'infinity'),
        coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by "createdAt" desc, id desc
limit $5::integer offset $6::integer;
