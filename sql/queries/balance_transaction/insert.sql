-- $1 balance transactions as Stripe lists them. How many are new.
with written as (
    insert into stripe_balance_transactions
        (id, type, source, amount_minor, fee_minor, net_minor, currency, occurred_at, available_at)
    select id, type, source, amount, fee, net, upper(currency), to_timestamp(created),
        to_timestamp(available_on)
    from jsonb_to_recordset($1::jsonb) as b (
        id text, type text, source text, amount bigint, fee bigint, net bigint, currency text,
        created double precision, available_on double precision
    )
    on conflict on constraint stripe_balance_transactions_pkey do nothing
    returning id
)
select count(*) as added from written;
