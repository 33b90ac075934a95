select
    account,
    currency,
    sum(amount_minor)::bigint as balance
from ledger_postings
group by account, currency
order by account, currency;
