-- $1 id, $2 status, $3 progress, $4 last vendor order, $5 orders, $6 changed, $7 moved, $8 errors,
-- $9 old fee, $10 new fee, $11 details, $12 failure. Nothing when it was stopped meanwhile.
update policy_simulations set status = $2, progress_percent = $3::integer, last_id = $4::uuid,
    orders = $5::bigint, changed = $6::bigint, moved = $7::bigint, errors = $8::bigint,
    old_fee_minor = $9::bigint, new_fee_minor = $10::bigint, details = $11::jsonb,
    failure_message = $12, updated_at = now(),
    finished_at = case when $2 in ('DONE', 'FAILED') then now() end
where id = $1::uuid and status = 'RUNNING';
