select
    currency,
    sum(amount_minor)::bigint as balance
from ledger_postings
group by currency
order by currency;
