select name, version, is_enabled, granted, settings, disabled_reason, updated_at,
    (select count(*) from plugin_failures as f
        where f.plugin = plugins.name and f.created_at > now() - interval '1 day') as failures,
    (select count(*) from event_deliveries as d
        where d.consumer = plugins.name and d.state = 'NEW') as waiting,
    (select count(*) from event_deliveries as d
        where d.consumer = plugins.name and d.state = 'DEAD') as dead
from plugins order by name;
