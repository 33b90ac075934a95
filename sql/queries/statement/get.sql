-- $1 vendor, $2 first day of the month, $3 as of. One entry a currency that had money before or has
-- lines.
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
    select l.*, sum(l.amount_minor) over (
        partition by l.currency order by l.created_at, l.id, l.part
    ) as moved
    from statement_lines($1::uuid, $3::timestamptz) as l, span
    where l.created_at >= span.begins and l.created_at < span.ends
),
known as (
    select currency from before where opening <> 0 union select currency from lines
),
currencies as (
    select
        known.currency,
        coalesce(before.opening, 0) as opening,
        coalesce(sum(greatest(lines.amount_minor, 0)), 0)::bigint as credits,
        coalesce(sum(greatest(-lines.amount_minor, 0)), 0)::bigint as debits,
        (coalesce(before.opening, 0) + coalesce(sum(lines.amount_minor), 0))::bigint as closing,
        coalesce(
            jsonb_agg(jsonb_build_object(
                'createdAt', time_json(lines.created_at),
                'kind', lines.kind,
                'orderNumber', lines.order_number,
                'note', lines.note,
                'amount', lines.amount_minor,
                'balance', coalesce(before.opening, 0) + lines.moved
            ) order by lines.created_at, lines.id, lines.part) filter (where lines.id is not null),
            '[]'
        ) as lines
    from known
    left join before on before.currency = known.currency
    left join lines on lines.currency = known.currency
    group by known.currency, before.opening
)
select
    to_char($2::date, 'YYYY-MM') as month,
    $3::timestamptz as "asOf",
    coalesce((
        select jsonb_agg(to_jsonb(currencies) order by currencies.currency) from currencies
    ), '[]') as data;
