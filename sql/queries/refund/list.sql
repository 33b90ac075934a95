-- $1 status or null, $2 order or null; $3, $4 cursor; $5 limit, $6 offset
select refund_public.*
from refunds inner join refund_public on refund_public.id = refunds.id
where ($1::text is null or refunds.status = $1)
    and ($2::uuid is null or refunds.order_id = $2::uuid)
    and ($3::timestamptz is null or (refunds.created_at, refunds.id) < ($3::timestamptz, $4::uuid))
order by refunds.created_at desc, refunds.id desc
limit $5::integer offset $6::integer;
