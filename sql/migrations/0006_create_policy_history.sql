-- Policies that change while the marketplace runs: their versions, which was active when, and what
-- a version would have made of the past.

-- A version is told ACTIVE or RETIRED by its activations; state keeps what is known without them:
-- DRAFT failed on real orders in its last simulation.
alter table policy_versions drop constraint policy_versions_active_has_time;
alter table policy_versions drop constraint policy_versions_state_known;
alter table policy_versions drop column activated_at;
alter table policy_versions alter column state set default 'VALIDATED';
alter table policy_versions add column origin text not null default 'API';
alter table policy_versions
    add constraint policy_versions_name_hash_key unique (name, hash),
    add constraint policy_versions_state_known check (state in ('DRAFT', 'VALIDATED')),
    add constraint policy_versions_origin_known check (origin in ('DISK', 'API', 'COMMAND'));

-- Which version decides from when on. The newest that has begun does; one with a percent below 100
-- only for that share of the buyers (by a hash of their id), older ones for the others.
create table policy_activations (
    id bigint not null generated always as identity,
    name text not null,
    version_id uuid not null,
    starts_at timestamptz not null default now(),
    percent integer not null default 100,
    reason text not null default '',
    actor_id uuid,
    cancelled_at timestamptz,
    created_at timestamptz not null default now(),
    constraint policy_activations_pkey primary key (id),
    constraint policy_activations_version_id_fkey
        foreign key (version_id) references policy_versions (id),
    constraint policy_activations_actor_id_fkey foreign key (actor_id) references users (id),
    constraint policy_activations_percent_is_share check (percent between 1 and 100)
);
create index policy_activations_name_starts_at_id_idx
    on policy_activations (name, starts_at desc, id desc) where cancelled_at is null;
create index policy_activations_version_id_idx on policy_activations (version_id);

-- The text of lua/policies/<name>.lua that was seen last: a change of the file is news once.
create table policy_files (
    name text not null,
    hash text not null,
    seen_at timestamptz not null default now(),
    constraint policy_files_pkey primary key (name)
);

-- Past orders priced again by a version (is_shadow: the coming ones, beside the active version).
create table policy_simulations (
    id uuid not null default uuid_v7(),
    version_id uuid not null,
    is_shadow boolean not null default false,
    status text not null default 'PENDING',
    since timestamptz not null,
    row_limit bigint not null,
    progress_percent integer not null default 0,
    last_id uuid,
    orders bigint not null default 0,
    changed bigint not null default 0,
    moved bigint not null default 0,
    errors bigint not null default 0,
    old_fee_minor bigint not null default 0,
    new_fee_minor bigint not null default 0,
    currency text not null,
    details jsonb not null default '{}',
    failure_message text,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint policy_simulations_pkey primary key (id),
    constraint policy_simulations_version_id_fkey
        foreign key (version_id) references policy_versions (id),
    constraint policy_simulations_created_by_fkey foreign key (created_by) references users (id),
    constraint policy_simulations_status_known
        check (status in ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'STOPPED')),
    constraint policy_simulations_progress_is_share check (progress_percent between 0 and 100)
);
create index policy_simulations_open_idx on policy_simulations (created_at)
    where status in ('PENDING', 'RUNNING');
create index policy_simulations_version_id_idx on policy_simulations (version_id);

-- Stored fees by the version that made them; and the past in the order it happened.
create index vendor_orders_fee_policy_version_id_idx on vendor_orders (fee_policy_version, id);
