-- $1 name, $2 why
update plugins set is_enabled = false, disabled_reason = $2, updated_at = now()
where name = $1 and is_enabled;
