-- The objects of Stripe's that the ledger has posted something for since then.
create or replace function stripe_touched(p_since timestamptz) returns setof text
language sql stable as $$
    with posted as (
        select kind, order_id, case
            when kind in ('unapplied', 'stripe_fee', 'refund', 'refund_failed', 'transfer',
                'reversal', 'dispute_opened', 'dispute_won', 'dispute_lost', 'bank_payout',
                'bank_payout_failed', 'adjustment') then ref::uuid
        end as id
        from ledger_transactions where created_at >= p_since
    )
    select payments.charge_id
    from posted inner join payments on payments.order_id = posted.order_id
    where posted.kind = 'paid' and payments.succeeded_at is not null
        and payments.charge_id is not null
    union
    select payments.charge_id from posted inner join payments on payments.id = posted.id
    where payments.charge_id is not null
    union
    select refunds.provider_refund_id from posted inner join refunds on refunds.id = posted.id
    where refunds.provider_refund_id is not null
    union
    select transfers.provider_transfer_id
    from posted inner join transfers on transfers.id = posted.id
    where transfers.provider_transfer_id is not null
    union
    select r.provider_reversal_id
    from posted inner join transfer_reversals as r on r.id = posted.id
    where r.provider_reversal_id is not null
    union
    select disputes.provider_dispute_id from posted inner join disputes on disputes.id = posted.id
    union
    select bank_payouts.provider_payout_id
    from posted inner join bank_payouts on bank_payouts.id = posted.id
    where bank_payouts.vendor_id is null
    union
    select stripe_object_named(adjustments.reason)
    from posted inner join adjustments on adjustments.id = posted.id
    where stripe_object_named(adjustments.reason) is not null;
$$;
