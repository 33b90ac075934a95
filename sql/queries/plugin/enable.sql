-- $1 name, $2 version, $3 granted, $4 settings
insert into plugins (name, version, granted, settings)
values ($1, $2, $3::jsonb, $4::jsonb)
on conflict on constraint plugins_pkey do update set version = excluded.version,
    granted = excluded.granted, settings = excluded.settings, is_enabled = true,
    disabled_reason = null, updated_at = now();
