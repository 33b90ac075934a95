-- $1 name, $2 version, or null and $3 hash
select
    v.id as "~id", v.name, v.version, v.hash, v.state, v.note, v.origin, v.author, v.source,
    v.created_at as "createdAt", v.activated_at as "activatedAt", v.percent,
    v.activates_at as "activatesAt"
from policy_version_views as v
where v.name = $1 and (v.version = $2::integer or v.hash = $3);
