delete from plugin_failures where created_at < now() - interval '30 days';
