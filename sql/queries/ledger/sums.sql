-- $1 as of, or null
select
    currency,
    sum(amount_minor)::bigint as balance
from ledger_postings
where $1::timestamptz is null or created_at <= $1::timestamptz
group by currency
order by currency;
