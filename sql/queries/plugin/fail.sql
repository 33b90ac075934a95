-- $1 plugin, $2 place, $3 problem, $4 window in seconds. How often it failed in that time, since it
-- was switched on.
with made as (
    insert into plugin_failures (plugin, place, problem) values ($1, $2, $3) returning created_at
)
select 1 + count(*) as count
from plugin_failures as f
inner join plugins on plugins.name = f.plugin
where f.plugin = $1 and f.created_at > now() - make_interval(secs => $4::integer)
    and f.created_at >= plugins.updated_at;
