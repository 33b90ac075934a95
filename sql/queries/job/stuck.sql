-- Operations and events that need somebody, newest first.
select * from (
    select 'stripe_op' as kind, id::text as id, stripe_ops.kind as type, state, tries, problem,
        updated_at as "updatedAt"
    from stripe_ops
    where state = 'UNKNOWN' and tries > 1
    union all
    select 'stripe_event', id, type, state, tries, problem, received_at
    from stripe_events where state = 'DEAD' or (state = 'NEW' and tries > 1)
) as stuck
order by "updatedAt" desc limit 100;
