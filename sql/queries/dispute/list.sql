-- $1 state or null, $2 order or null; $3, $4 cursor; $5 limit, $6 offset
select dispute_public.*
from disputes inner join dispute_public on dispute_public.id = disputes.id
where ($1::text is null or disputes.state = $1)
    and ($2::uuid is null or disputes.order_id = $2::uuid)
    and (
        $3::timestamptz is null
        or (disputes.created_at, disputes.id) < ($3::timestamptz, $4::uuid)
    )
order by disputes.created_at desc, disputes.id desc
limit $5::integer offset $6::integer;
