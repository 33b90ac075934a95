-- The ledger and Stripe's balance transactions side by side, an object and a currency a row: all
-- that either side has touched since the reconciliation's beginning, and what the one before it
-- has found. Whatever is compared is summed over all time, so that no border cuts a pair.
create or replace function reconciliation_pairs(p_id uuid)
returns table (
    object_id text, currency text, ours_minor bigint, ours_fee_minor bigint, theirs_minor bigint,
    theirs_fee_minor bigint, last_at timestamptz, note text
) language sql stable as $$
    with touched as (
        select o.object_id
        from reconciliations as run, stripe_touched(run.since) as o (object_id)
        where run.id = p_id
        union
        select coalesce(b.source, b.id)
        from stripe_balance_transactions as b, reconciliations as run
        where run.id = p_id and b.occurred_at >= run.since
        union
        select f.object_id from reconciliation_findings as f
        where f.object_id is not null and f.reconciliation_id = (
            select id from reconciliations
            where status = 'DONE' and id <> p_id order by created_at desc limit 1
        )
    ),
    objects as (
        select array_agg(touched.object_id) as ids from touched
    ),
    ours as (
        select m.object_id, m.currency, sum(m.amount_minor)::bigint as amount_minor,
            sum(m.fee_minor)::bigint as fee_minor, max(m.created_at) as last_at,
            string_agg(distinct m.kind || coalesce(' of order ' || orders.number, ''), ', ')
                as note
        from objects
        cross join stripe_movements(objects.ids) as m
        left join orders on orders.id = m.order_id
        group by m.object_id, m.currency
        union all
        select 'refund:' || refunds.id, refunds.currency, -refunds.amount_minor, 0,
            refunds.created_at, 'refund of order ' || orders.number
        from refunds inner join orders on orders.id = refunds.order_id
        where refunds.status = 'PENDING' and refunds.provider_refund_id is null
    ),
    lines as (
        select b.* from objects, stripe_balance_transactions as b where b.source = any(objects.ids)
        union all
        select b.* from objects, stripe_balance_transactions as b
        where b.source is null and b.id = any(objects.ids)
    ),
    theirs as (
        select coalesce(lines.source, lines.id) as object_id, lines.currency,
            sum(lines.amount_minor)::bigint as amount_minor,
            sum(lines.fee_minor)::bigint as fee_minor,
            max(least(lines.occurred_at, lines.gathered_at)) as last_at,
            string_agg(distinct lines.type, ', ') as note
        from lines group by coalesce(lines.source, lines.id), lines.currency
    )
    select coalesce(ours.object_id, theirs.object_id), coalesce(ours.currency, theirs.currency),
        ours.amount_minor, ours.fee_minor, theirs.amount_minor, theirs.fee_minor,
        greatest(ours.last_at, theirs.last_at), coalesce(ours.note, theirs.note)
    from ours
    full join theirs
        on theirs.object_id = ours.object_id and theirs.currency = ours.currency;
$$;
