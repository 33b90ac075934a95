-- $1 simulation. For whoever works on it at once; nothing when it was taken already.
update policy_simulations set status = 'RUNNING', updated_at = now()
where id = $1::uuid and status = 'PENDING'
returning id, version_id, is_shadow, since, row_limit, currency, last_id, orders, changed, moved,
    errors, old_fee_minor, new_fee_minor, details;
