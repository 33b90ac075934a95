-- Which version of a policy decides for a key (a buyer, whose share of a gradual activation is
-- fixed): the first of policy_candidates of its name, by starts_at and id from the last, with
-- percent = 100 or percent > policy_share(key). Asked for in the query itself where every checkout
-- asks (sql/queries/checkout/read.sql): a call of a function takes three times as long.
create or replace view policy_candidates as
select
    policy_activations.name,
    policy_activations.starts_at,
    policy_activations.id,
    policy_activations.percent,
    policy_versions.hash
from policy_activations
inner join policy_versions on policy_versions.id = policy_activations.version_id
where policy_activations.cancelled_at is null and policy_activations.starts_at <= now();

-- From 0 to 99. One expression, which the planner puts in place of the call.
create or replace function policy_share(p_key uuid) returns integer language sql immutable as $$
    select ('x' || substr(md5(p_key::text), 1, 7))::bit(28)::integer % 100;
$$;

-- The hash of the version that decides now; null before the first activation.
create or replace function policy_active(p_name text, p_key uuid) returns text
language plpgsql stable as $$
begin
    return (
        select hash
        from policy_candidates
        where name = p_name and (percent = 100 or percent > policy_share(p_key))
        order by starts_at desc, id desc
        limit 1
    );
end;
$$;

-- Those of some policies, for servers that began before the query asked itself.
create or replace function policies_active(p_names text[], p_key uuid) returns text[]
language plpgsql stable as $$
begin
    return array(
        select policy_active(wanted.name, p_key)
        from unnest(p_names) with ordinality as wanted (name, place)
        order by wanted.place
    );
end;
$$;
