-- $1 simulation, or null and $2 version's id for the newest of it
select
    s.id, s.status, s.is_shadow, s.since, s.progress_percent, s.orders, s.changed, s.moved,
    s.errors,
    s.old_fee_minor, s.new_fee_minor, s.currency, s.details, s.failure_message, s.created_at,
    s.finished_at, policy_versions.name, policy_versions.version
from policy_simulations as s
inner join policy_versions on policy_versions.id = s.version_id
where s.id = $1::uuid or ($1::uuid is null and s.version_id = $2::uuid)
order by s.created_at desc limit 1;
