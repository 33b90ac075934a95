-- $1 how many postings at most; $2 account, $3 order, $4 kind, $5 from, $6 to, each may be null.
-- Whole transactions, oldest first; is_cut: there are more.
with found as (
    select t.id as transaction_id, t.kind, t.ref, orders.number, p.id, p.account, p.amount_minor,
        p.currency, t.created_at
    from ledger_transactions as t
    inner join ledger_postings as p on p.transaction_id = t.id
    left join orders on orders.id = t.order_id
    where ($2::text is null or exists (
            select from ledger_postings as q where q.transaction_id = t.id and q.account = $2
        ))
        and ($3::uuid is null or t.order_id = $3::uuid)
        and ($4::text is null or t.kind = $4)
        and ($5::timestamptz is null or t.created_at >= $5::timestamptz)
        and ($6::timestamptz is null or t.created_at < $6::timestamptz)
    order by t.created_at, p.id
    limit $1::integer + 1
)
select
    count(*) > $1::integer as is_cut,
    csv_line(array[
        'time', 'transaction', 'kind', 'ref', 'order', 'account', 'amount', 'currency'
    ]) || coalesce(string_agg(csv_line(array[
        time_json(created_at), transaction_id::text, kind, ref, number, account,
        money_text(amount_minor, currency), currency
    ]), '' order by created_at, id), '') as text
from found;
