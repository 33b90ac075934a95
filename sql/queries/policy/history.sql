-- $1 name. The versions that decided for everybody, newest first.
select policy_versions.id, policy_versions.hash, policy_versions.version
from policy_activations
inner join policy_versions on policy_versions.id = policy_activations.version_id
where policy_activations.name = $1 and policy_activations.cancelled_at is null
    and policy_activations.percent = 100 and policy_activations.starts_at <= now()
order by policy_activations.starts_at desc, policy_activations.id desc
limit 50;
