-- Every account's balance, with what a person calls it.
select
    p.account,
    coalesce(vendors.business_name, '') as name,
    p.currency,
    currency_exponent(p.currency) as exponent,
    sum(p.amount_minor)::bigint as amount_minor
from ledger_postings as p
left join vendors on 'vendor:' || vendors.id = p.account
group by p.account, vendors.business_name, p.currency
order by p.currency, p.account;
