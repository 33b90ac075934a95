-- $1 status, $2 words of the name as a like pattern (null: all), $3 $4 cursor, $5 limit, $6 offset
select vendor_public.*, "createdAt"::text as "~sort"
from vendor_public
where ($1::text is null or status = $1)
    and ($2::text is null or lower("businessName") like $2)
    and ("createdAt", id) < (
        coalesce($3::timestamptz, 'infinity'),
        coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by "createdAt" desc, id desc
limit $5::integer offset $6::integer;
