-- What the ledger says moved Stripe's balance for these objects of Stripe's (charges, refunds,
-- transfers, reversals, disputes, payouts): amount as Stripe counts it, its fee apart. An adjustment
-- belongs to the object that its reason names.
create or replace function stripe_movements(p_objects text[])
returns table (
    object_id text, kind text, order_id uuid, currency text, amount_minor bigint, fee_minor bigint,
    created_at timestamptz
) language sql stable as $$
    with refs (object_id, kind, ref) as (
        select payments.charge_id, k.kind,
            (case k.kind when 'paid' then payments.order_id else payments.id end)::text
        from payments
        cross join (values ('paid'), ('unapplied'), ('stripe_fee')) as k (kind)
        where payments.charge_id = any(p_objects) and payments.succeeded_at is not null
            and (k.kind <> 'paid' or not exists (
                select from ledger_transactions as u
                where u.kind = 'unapplied' and u.ref = payments.id::text
            ))
        union all
        select provider_refund_id, k.kind, id::text
        from refunds cross join (values ('refund'), ('refund_failed')) as k (kind)
        where provider_refund_id = any(p_objects)
        union all
        select provider_transfer_id, 'transfer', id::text
        from transfers where provider_transfer_id = any(p_objects)
        union all
        select provider_reversal_id, 'reversal', id::text
        from transfer_reversals where provider_reversal_id = any(p_objects)
        union all
        select provider_dispute_id, k.kind, id::text
        from disputes
        cross join (values ('dispute_opened'), ('dispute_won'), ('dispute_lost')) as k (kind)
        where provider_dispute_id = any(p_objects)
        union all
        select provider_payout_id, k.kind, id::text
        from bank_payouts
        cross join (values ('bank_payout'), ('bank_payout_failed')) as k (kind)
        where vendor_id is null and provider_payout_id = any(p_objects)
        union all
        select stripe_object_named(reason), 'adjustment', id::text
        from adjustments
        where status = 'POSTED' and stripe_object_named(reason) = any(p_objects)
    )
    select refs.object_id, t.kind, t.order_id, p.currency,
        sum(p.amount_minor)::bigint,
        coalesce(sum(p.amount_minor) filter (where p.account <> 'stripe'), 0)::bigint,
        t.created_at
    from refs
    inner join ledger_transactions as t on t.kind = refs.kind and t.ref = refs.ref
    inner join ledger_postings as p on p.transaction_id = t.id
        and p.account in ('stripe', 'stripe_fee', 'dispute_fee')
    group by refs.object_id, t.id, p.currency;
$$;
