-- $1 name
select name, version, is_enabled, granted, settings, disabled_reason from plugins where name = $1;
