-- The hashes of the versions that decide now for a key (a buyer, whose share of a gradual activation
-- is fixed), a policy each; null before the first activation. In plpgsql, and with one plan for
-- any names: every checkout asks, and planning costs more than asking.
create or replace function policies_active(p_names text[], p_key uuid) returns text[]
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return array(
        select (
            select policy_versions.hash
            from policy_activations
            inner join policy_versions on policy_versions.id = policy_activations.version_id
            where policy_activations.name = wanted.name and policy_activations.cancelled_at is null
                and policy_activations.starts_at <= now()
                and (policy_activations.percent = 100
                    or ('x' || substr(md5(p_key::text), 1, 7))::bit(28)::integer % 100
                        < policy_activations.percent)
            order by policy_activations.starts_at desc, policy_activations.id desc
            limit 1
        )
        from unnest(p_names) with ordinality as wanted (name, place)
        order by wanted.place
    );
end;
$$;

-- The one of one policy.
create or replace function policy_active(p_name text, p_key uuid) returns text
language plpgsql stable as $$
begin
    return (policies_active(array[p_name], p_key))[1];
end;
$$;
