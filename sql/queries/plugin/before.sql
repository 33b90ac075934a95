-- $1 plugin. What it was before it was switched on last; null: it was not known.
select before from audit_log
where object = 'plugin:' || $1 and action = 'plugin.enable'
order by created_at desc, id desc limit 1;
