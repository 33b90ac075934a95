-- $1 name; $2 cursor (a version); $3 limit, $4 offset
select
    v.name, v.version, v.hash, v.state, v.note, v.origin, v.author, v.created_at as "createdAt",
    v.activated_at as "activatedAt", v.percent, v.activates_at as "activatesAt"
from policy_version_views as v
where v.name = $1 and ($2::integer is null or v.version < $2::integer)
order by v.version desc
limit $3::integer offset $4::integer;
