-- Plugins that an operator has switched on, what they may do, and how they fare. A plugin's own
-- tables lie in a schema of its own, under a role that owns nothing else.
create table plugins (
    name text not null,
    version text not null,
    is_enabled boolean not null default true,
    granted jsonb not null default '[]',
    settings jsonb not null default '{}',
    disabled_reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint plugins_pkey primary key (name),
    constraint plugins_name_form check (name ~ '^[a-z][a-z0-9_]{0,39}$')
);

create table plugin_migrations (
    plugin text not null,
    file text not null,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    constraint plugin_migrations_pkey primary key (plugin, file)
);

create table plugin_failures (
    id bigint not null generated always as identity,
    plugin text not null,
    place text not null,
    problem text not null,
    created_at timestamptz not null default now(),
    constraint plugin_failures_pkey primary key (id)
);
create index plugin_failures_plugin_created_at_idx on plugin_failures (plugin, created_at);

-- One row a consumer of an event, made when the event is handed round.
create table event_deliveries (
    event_id bigint not null,
    consumer text not null,
    state text not null default 'NEW',
    attempts integer not null default 0,
    problem text,
    next_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint event_deliveries_pkey primary key (event_id, consumer),
    constraint event_deliveries_event_id_fkey
        foreign key (event_id) references outbox_events (id) on delete cascade,
    constraint event_deliveries_state_known check (state in ('NEW', 'DONE', 'DEAD'))
);
create index event_deliveries_new_idx on event_deliveries (consumer, next_at, event_id)
    where state = 'NEW';

-- Statements of plugins run under their roles: what would let one out of its role, or read files,
-- is not for everybody. Where we may not say so (a database that is not ours alone) the texts of
-- plugins' statements are refused all the same.
do $$
begin
    execute format('grant execute on function pg_catalog.set_config(text, text, boolean) to %I',
        current_user);
    revoke execute on function pg_catalog.set_config(text, text, boolean) from public;
    execute format('grant usage on language plpgsql to %I', current_user);
    revoke usage on language plpgsql from public;
    execute format('grant usage on language sql to %I', current_user);
    revoke usage on language sql from public;
exception when insufficient_privilege then
    raise notice 'set_config and languages stay open to everybody: this role may not close them';
end;
$$;
