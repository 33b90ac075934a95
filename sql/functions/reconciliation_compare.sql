-- Writes what differs. What is younger than the grace is on its way and left for the next time. A
-- balance differs when the differences that are known, reported or on their way, do not explain it.
-- p_balances: {currency: Stripe's balance, available and pending together}, or null when it would
-- not stand still.
create or replace function reconciliation_compare(
    p_id uuid, p_grace_s integer, p_balances jsonb
) returns void language sql as $$
    with pairs as materialized (
        select *,
            last_at > now() - make_interval(secs => p_grace_s) as is_young,
            coalesce(theirs_minor - theirs_fee_minor, 0) - coalesce(ours_minor - ours_fee_minor, 0)
                as difference_minor
        from reconciliation_pairs(p_id)
    ),
    differing as (
        select case
                when theirs_minor is null then 'MISSING_AT_STRIPE'
                when ours_minor is null then 'MISSING_IN_LEDGER'
                else 'AMOUNT_DIFFERS'
            end as kind, object_id, currency, ours_minor, theirs_minor, note
        from pairs
        where not is_young and ours_minor is distinct from theirs_minor
            and (coalesce(ours_minor, 0), coalesce(ours_fee_minor, 0))
                <> (coalesce(theirs_minor, 0), coalesce(theirs_fee_minor, 0))
        union all
        select 'FEE_DIFFERS', object_id, currency, ours_fee_minor, theirs_fee_minor, note
        from pairs
        where not is_young and ours_fee_minor <> theirs_fee_minor
        union all
        select 'BALANCE_DIFFERS', null, known.currency, coalesce(ledger.balance, 0),
            known.balance, format('%s are not explained by any object', money_text(
                known.balance - coalesce(ledger.balance, 0) - coalesce(explained.sum, 0),
                known.currency))
        from (
            select key as currency, value::bigint as balance from jsonb_each_text(p_balances)
            union
            select ours.currency, 0
            from (select distinct currency from ledger_postings where account = 'stripe') as ours
            where p_balances is not null and not p_balances ? ours.currency
        ) as known
        left join (
            select currency, sum(amount_minor)::bigint as balance
            from ledger_postings where account = 'stripe' group by currency
        ) as ledger on ledger.currency = known.currency
        left join (
            select currency, sum(difference_minor)::bigint as sum from pairs group by currency
        ) as explained on explained.currency = known.currency
        where known.balance - coalesce(ledger.balance, 0) <> coalesce(explained.sum, 0)
    ),
    written as (
        insert into reconciliation_findings
            (reconciliation_id, kind, object_id, currency, ours_minor, theirs_minor, note)
        select p_id, kind, object_id, currency, ours_minor, theirs_minor, note
        from differing order by kind, object_id
    )
    update reconciliations set compared = (select count(*) from pairs)
    where id = p_id;
$$;
