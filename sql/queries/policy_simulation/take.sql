-- $1 lease in seconds. The oldest that nobody works on.
update policy_simulations set status = 'RUNNING', updated_at = now()
where id = (
    select id from policy_simulations
    where status = 'PENDING'
        or (status = 'RUNNING' and updated_at < now() - make_interval(secs => $1::integer))
    order by is_shadow, updated_at limit 1
    for update skip locked
)
returning id, version_id, is_shadow, since, row_limit, currency, last_id, orders, changed, moved,
    errors, old_fee_minor, new_fee_minor, details;
