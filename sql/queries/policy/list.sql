-- What decides now, a row a policy.
select distinct on (v.name)
    v.name, v.version, v.hash, v.state, v.note, v.author, v.created_at as "createdAt",
    v.activated_at as "activatedAt", v.percent, v.activates_at as "activatesAt",
    (select count(*) from policy_versions as all_of where all_of.name = v.name) as versions
from policy_version_views as v
order by v.name, v.state = 'ACTIVE' desc, v.activated_at desc nulls last, v.version desc;
