-- $1 name, $2 as it was: {version, isEnabled, granted, settings, reason}; null: it was not known
with gone as (
    delete from plugins where name = $1 and $2::jsonb is null
)
update plugins set version = $2::jsonb ->> 'version',
    is_enabled = ($2::jsonb ->> 'isEnabled')::boolean, granted = $2::jsonb -> 'granted',
    settings = $2::jsonb -> 'settings', disabled_reason = $2::jsonb ->> 'reason',
    updated_at = now()
where name = $1 and $2::jsonb is not null;
