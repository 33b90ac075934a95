-- Versions as they are told. A version is ACTIVE while an activation of it has begun and no later
-- one took everything over.
create or replace view policy_version_views as
select
    v.id,
    v.name,
    v.version,
    v.hash,
    case when a.is_active then 'ACTIVE' when a.begun_at is not null then 'RETIRED' else v.state
    end as state,
    v.note,
    v.origin,
    users.email as author,
    v.source,
    v.created_at,
    a.begun_at as activated_at,
    a.percent,
    a.next_at as activates_at
from policy_versions as v
left join users on users.id = v.author_id
left join lateral (
    select
        bool_or(not w.is_over) as is_active,
        max(w.starts_at) filter (where w.starts_at <= now()) as begun_at,
        min(w.starts_at) filter (where w.starts_at > now()) as next_at,
        (array_agg(w.percent order by w.id desc) filter (where not w.is_over))[1] as percent
    from (
        select s.id, s.starts_at, s.percent, s.starts_at > now() or exists (
                select from policy_activations as later
                where later.name = s.name and later.cancelled_at is null
                    and later.percent = 100 and later.starts_at <= now()
                    and (later.starts_at, later.id) > (s.starts_at, s.id)
            ) as is_over
        from policy_activations as s
        where s.version_id = v.id and s.cancelled_at is null
    ) as w
) as a on true;
