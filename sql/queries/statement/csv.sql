-- $1 vendor, $2 first day of the month, $3 as of. statement/get as a file: an opening line, the
-- lines and a closing line a currency.
with span as (
    select
        $2::date::timestamp at time zone 'UTC' as begins,
        ($2::date + interval '1 month') at time zone 'UTC' as ends
),
before as (
    select p.currency, -sum(p.amount_minor)::bigint as opening
    from ledger_postings as p, span
    where p.account = 'vendor:' || $1::uuid and p.created_at < span.begins
        and p.created_at <= $3::timestamptz
    group by p.currency
),
lines as (
    select l.* from statement_lines($1::uuid, $3::timestamptz) as l, span
    where l.created_at >= span.begins and l.created_at < span.ends
),
known as (
    select currency from before where opening <> 0 union select currency from lines
),
records as (
    select known.currency, 1 as place, span.begins as created_at, 0::bigint as id, 0 as part,
        'OPENING' as kind, null::text as order_number, null::text as note,
        null::bigint as amount_minor, coalesce(before.opening, 0)::bigint as balance_minor
    from known
    cross join span
    left join before on before.currency = known.currency
    union all
    select lines.currency, 2, lines.created_at, lines.id, lines.part, lines.kind,
        lines.order_number, lines.note, lines.amount_minor,
        coalesce(before.opening, 0) + sum(lines.amount_minor) over (
            partition by lines.currency order by lines.created_at, lines.id, lines.part
        )
    from lines
    left join before on before.currency = lines.currency
    union all
    select known.currency, 3, least(span.ends, $3::timestamptz), 0, 0, 'CLOSING', null, null, null,
        coalesce(before.opening, 0) + coalesce((
            select sum(lines.amount_minor) from lines where lines.currency = known.currency
        ), 0)
    from known
    cross join span
    left join before on before.currency = known.currency
)
select csv_line(array['time', 'kind', 'order', 'note', 'amount', 'balance', 'currency'])
    || coalesce(string_agg(csv_line(array[
        time_json(created_at), kind, order_number, csv_words(note),
        money_text(amount_minor, currency), money_text(balance_minor::bigint, currency), currency
    ]), '' order by currency, place, created_at, id, part), '') as text
from records;
