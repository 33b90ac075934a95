-- $1 as of, or null
with balances as (
    select account, currency, sum(amount_minor)::bigint as balance_minor
    from ledger_postings
    where $1::timestamptz is null or created_at <= $1::timestamptz
    group by account, currency
)
select csv_line(array['account', 'vendor', 'balance', 'currency'])
    || coalesce(string_agg(csv_line(array[
        balances.account, csv_words(vendors.business_name),
        money_text(balances.balance_minor, balances.currency), balances.currency
    ]), '' order by balances.account, balances.currency), '') as text
from balances
left join vendors on 'vendor:' || vendors.id = balances.account;
