-- $1 account, $2 order, $3 kind, $4 from, $5 to, each may be null; $6, $7 cursor; $8 limit, $9
-- offset
select
    t.id,
    t.kind,
    t.ref,
    t.order_id as "orderId",
    (
        select jsonb_agg(jsonb_build_object(
            'account', p.account, 'amount', money_json(p.amount_minor, p.currency)
        ) order by p.id)
        from ledger_postings as p where p.transaction_id = t.id
    ) as postings,
    t.created_at as "createdAt",
    t.created_at::text as "~sort"
from ledger_transactions as t
where ($1::text is null or exists (
        select from ledger_postings as p where p.transaction_id = t.id and p.account = $1
    ))
    and ($2::uuid is null or t.order_id = $2::uuid)
    and ($3::text is null or t.kind = $3)
    and ($4::timestamptz is null or t.created_at >= $4::timestamptz)
    and ($5::timestamptz is null or t.created_at < $5::timestamptz)
    and ($6::timestamptz is null or (t.created_at, t.id) < ($6::timestamptz, $7::uuid))
order by t.created_at desc, t.id desc
limit $8::integer offset $9::integer;
