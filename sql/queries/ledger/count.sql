-- $1 account, $2 order, $3 kind, $4 from, $5 to, each may be null
select count(*) as total from ledger_transactions as t
where ($1::text is null or exists (
        select from ledger_postings as p where p.transaction_id = t.id and p.account = $1
    ))
    and ($2::uuid is null or t.order_id = $2::uuid)
    and ($3::text is null or t.kind = $3)
    and ($4::timestamptz is null or t.created_at >= $4::timestamptz)
    and ($5::timestamptz is null or t.created_at < $5::timestamptz);
