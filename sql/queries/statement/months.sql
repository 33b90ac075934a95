-- $1 vendor, $2 as of. Months with movements, newest first.
with lines as (
    select currency, date_trunc('month', created_at at time zone 'UTC') as month,
        sum(amount_minor) filter (where amount_minor > 0) as credits,
        -sum(amount_minor) filter (where amount_minor < 0) as debits,
        sum(amount_minor) as moved
    from statement_lines($1::uuid, $2::timestamptz)
    group by currency, month
)
select
    to_char(month, 'YYYY-MM') as month,
    currency,
    (sum(moved) over so_far - moved)::bigint as opening,
    coalesce(credits, 0)::bigint as credits,
    coalesce(debits, 0)::bigint as debits,
    (sum(moved) over so_far)::bigint as closing
from lines
window so_far as (partition by currency order by month)
order by month desc, currency;
