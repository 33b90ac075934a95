-- The hash of the version that decides now for a key (a buyer, whose share of a gradual activation
-- is fixed); null before the first activation.
create or replace function policy_active(p_name text, p_key uuid) returns text
language sql stable as $$
    select policy_versions.hash
    from policy_activations
    inner join policy_versions on policy_versions.id = policy_activations.version_id
    where policy_activations.name = p_name and policy_activations.cancelled_at is null
        and policy_activations.starts_at <= now()
        and (policy_activations.percent = 100
            or ('x' || substr(md5(p_key::text), 1, 7))::bit(28)::integer % 100
                < policy_activations.percent)
    order by policy_activations.starts_at desc, policy_activations.id desc
    limit 1;
$$;
