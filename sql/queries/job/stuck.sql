-- Operations, events and money that need somebody, newest first.
select * from (
    select 'stripe_op' as kind, id::text as id, stripe_ops.kind as type, state, tries, problem,
        updated_at as "updatedAt"
    from stripe_ops
    where state = 'UNKNOWN' and tries > 1
    union all
    select 'stripe_event', id, type, state, tries, problem, received_at
    from stripe_events where state = 'DEAD' or (state = 'NEW' and tries > 1)
    union all
    select 'refund', id::text, cause, status, 0, failure_message, updated_at
    from refunds where status = 'FAILED'
    union all
    select 'payout', id::text, provider, status, 0, coalesce(failure_message, hold_reason),
        updated_at
    from payouts
    where (status = 'FAILED' and amount_minor > 0)
        or (status = 'PENDING' and hold_reason is not null)
    union all
    select 'reversal', id::text, case when refund_id is null then 'dispute' else 'refund' end,
        status, attempt, coalesce(failure_code, 'the rest is netted from the next payout'),
        updated_at
    from transfer_reversals where status = 'CARRIED'
) as stuck
order by "updatedAt" desc limit 100;
