-- $1 vendor; $2 cursor; $3 limit, $4 offset. What is credited to a vendor is shown positive to it.
select
    ledger_postings.id,
    ledger_transactions.kind,
    ledger_transactions.ref,
    ledger_transactions.order_id as "orderId",
    -ledger_postings.amount_minor as "amount.amount",
    ledger_postings.currency as "amount.currency",
    ledger_postings.created_at as "createdAt"
from ledger_postings
inner join ledger_transactions on ledger_transactions.id = ledger_postings.transaction_id
where ledger_postings.account = 'vendor:' || $1::uuid
    and ($2::bigint is null or ledger_postings.id < $2::bigint)
order by ledger_postings.id desc
limit $3::integer offset $4::integer;
