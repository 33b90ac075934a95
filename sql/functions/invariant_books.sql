-- What the ledger must say of everything that moves money by Stripe or a bank, compared with what it
-- says: each event is posted once, with exactly these amounts, and nothing else of its kind is. Rows
-- are what differs.
create or replace function invariant_books() returns table (name text, sample jsonb)
language sql stable as $$
    with expected (kind, ref, account, amount) as (
        select 'transfer', id, unnest(array['vendor:' || vendor_id, 'stripe']),
            unnest(array[amount_minor, -amount_minor])
        from transfers where status = 'DONE'
        union all
        select 'reversal', r.id, unnest(array['stripe', 'vendor:' || transfers.vendor_id]),
            unnest(array[r.reversed_minor, -r.reversed_minor])
        from transfer_reversals as r inner join transfers on transfers.id = r.transfer_id
        union all
        select given.kind, refunds.id, parts.account, given.sign * parts.amount
        from refunds
        cross join lateral (
            select 'stripe' as account, -refunds.amount_minor as amount
            union all
            select 'vendor:' || vendor_orders.vendor_id, refund_parts.earnings_minor
            from refund_parts
            inner join vendor_orders on vendor_orders.id = refund_parts.vendor_order_id
            where refund_parts.refund_id = refunds.id
            union all
            select case when count(*) = 0 then 'unapplied' else 'platform_fee' end,
                coalesce(sum(refund_parts.fee_minor), refunds.amount_minor)
            from refund_parts where refund_parts.refund_id = refunds.id
        ) as parts
        inner join (values ('refund', 1), ('refund_failed', -1)) as given (kind, sign)
            on given.kind = 'refund' or refunds.status = 'FAILED'
        union all
        select 'dispute_opened', id, unnest(array['dispute_hold', 'dispute_fee', 'stripe']),
            unnest(array[amount_minor, fee_minor, -amount_minor - fee_minor])
        from disputes where state in ('OPEN', 'WON', 'LOST')
        union all
        select 'dispute_won', id, unnest(array['stripe', 'dispute_fee', 'dispute_hold']),
            unnest(array[amount_minor + fee_returned_minor, -fee_returned_minor,
                case when lost_at is null then -amount_minor else 0 end])
        from disputes where state = 'WON'
        union all
        select given.kind, disputes.id, borne.account, given.sign * borne.amount
        from disputes
        inner join (values ('dispute_lost', 1), ('dispute_won', -1)) as given (kind, sign)
            on given.kind = 'dispute_lost' or disputes.state = 'WON'
        cross join lateral (
            select 'dispute_hold' as account, -disputes.amount_minor as amount
            where given.kind = 'dispute_lost'
            union all
            select 'vendor:' || vendor_orders.vendor_id, p.amount_minor
            from dispute_parts as p
            inner join vendor_orders on vendor_orders.id = p.vendor_order_id
            where p.dispute_id = disputes.id and p.liable = 'VENDOR'
            union all
            select 'loss', disputes.amount_minor - coalesce(sum(p.amount_minor), 0)
            from dispute_parts as p
            where p.dispute_id = disputes.id and p.liable = 'VENDOR'
        ) as borne
        where disputes.lost_at is not null
        union all
        select given.kind, bank_payouts.id, unnest(array['bank', 'stripe']),
            unnest(array[given.sign, -given.sign]) * bank_payouts.amount_minor
        from bank_payouts
        inner join (values ('bank_payout', 1), ('bank_payout_failed', -1)) as given (kind, sign)
            on given.kind = 'bank_payout' or bank_payouts.status in ('FAILED', 'CANCELLED')
        where bank_payouts.vendor_id is null
        union all
        select 'stripe_fee', id, unnest(array['stripe_fee', 'stripe']),
            unnest(array[fee_minor, -fee_minor])
        from payments where fee_minor is not null
        union all
        select 'adjustment', adjustments.id, line ->> 'account', (line ->> 'amount')::bigint
        from adjustments cross join lateral jsonb_array_elements(postings) as line
        where status = 'POSTED'
    ),
    wanted as (
        select kind, ref::text as ref, account, sum(amount) as amount
        from expected group by kind, ref, account having sum(amount) <> 0
    ),
    rules (kind, name) as (
        values ('transfer', 'transfers_are_posted_once'), ('reversal', 'reversals_are_posted_once'),
            ('refund', 'refunds_are_posted_once'), ('refund_failed', 'refunds_are_posted_once'),
            ('dispute_opened', 'disputes_are_posted_once'),
            ('dispute_won', 'disputes_are_posted_once'),
            ('dispute_lost', 'disputes_are_posted_once'),
            ('bank_payout', 'bank_payouts_are_posted_once'),
            ('bank_payout_failed', 'bank_payouts_are_posted_once'),
            ('stripe_fee', 'fees_are_posted_once'), ('adjustment', 'adjustments_are_posted_once')
    ),
    posted as (
        select t.kind, t.ref, p.account, sum(p.amount_minor) as amount
        from ledger_transactions as t
        inner join rules on rules.kind = t.kind
        inner join ledger_postings as p on p.transaction_id = t.id
        group by t.kind, t.ref, p.account
    )
    select rules.name, jsonb_build_object('kind', kind, 'refId', ref, 'account', account,
        'expected', coalesce(wanted.amount, 0), 'posted', coalesce(posted.amount, 0))
    from wanted full join posted using (kind, ref, account)
    inner join rules using (kind)
    where coalesce(wanted.amount, 0) <> coalesce(posted.amount, 0);
$$;
