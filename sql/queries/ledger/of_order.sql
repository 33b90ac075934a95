-- $1 order. Its postings, oldest first, with what a person calls the account.
select
    t.id as transaction_id,
    to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as time,
    t.kind,
    p.account,
    coalesce(vendors.business_name, p.account) as name,
    p.currency,
    currency_exponent(p.currency) as exponent,
    p.amount_minor
from ledger_transactions as t
inner join ledger_postings as p on p.transaction_id = t.id
left join vendors on 'vendor:' || vendors.id = p.account
where t.order_id = $1::uuid
order by t.created_at, min(p.id) over (partition by t.id), p.id;
