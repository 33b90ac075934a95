-- $1 status or null, $2 id or null; $3, $4 cursor; $5 limit, $6 offset
select
    adjustments.id,
    adjustments.status,
    adjustments.currency,
    adjustments.postings,
    adjustments.reason,
    adjustments.order_id as "orderId",
    proposer.id as "proposedBy.id",
    proposer.email as "proposedBy.email",
    decider.id as "decidedBy?.id",
    decider.email as "decidedBy?.email",
    adjustments.decided_at as "decidedAt",
    adjustments.created_at as "createdAt",
    adjustments.created_at::text as "~sort"
from adjustments
inner join users as proposer on proposer.id = adjustments.proposed_by
left join users as decider on decider.id = adjustments.decided_by
where ($1::text is null or adjustments.status = $1)
    and ($2::uuid is null or adjustments.id = $2::uuid)
    and (
        $3::timestamptz is null
        or (adjustments.created_at, adjustments.id) < ($3::timestamptz, $4::uuid)
    )
order by adjustments.created_at desc, adjustments.id desc
limit $5::integer offset $6::integer;
