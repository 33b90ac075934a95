-- Who is told of what. secret_number is raised by a new secret; the one before signs too until
-- previous_until. dropped counts what came while deliveries_max were waiting.
create table endpoints (
    id uuid not null default gen_random_uuid(),
    url text not null,
    events text[] not null,
    description text,
    secret_number integer not null default 1,
    previous_until timestamptz,
    is_active boolean not null default true,
    paused_reason text,
    paused_at timestamptz,
    dropped integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint endpoints_pkey primary key (id),
    constraint endpoints_url_short check (length(url) <= 2000)
);

-- One event for one endpoint, with the bytes that are sent each time. Of an endpoint only the oldest
-- one that is not through is sent, by whoever holds its lease: its events come in order.
create table deliveries (
    id bigint not null generated always as identity,
    endpoint_id uuid not null,
    message_id text not null,
    type text not null,
    body text not null,
    state text not null default 'NEW',
    attempts integer not null default 0,
    status integer,
    problem text,
    answer text,
    next_at timestamptz not null default now(),
    leased_until timestamptz,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint deliveries_pkey primary key (id),
    constraint deliveries_endpoint_id_message_id_key unique (endpoint_id, message_id),
    constraint deliveries_endpoint_id_fkey
        foreign key (endpoint_id) references endpoints (id) on delete cascade,
    constraint deliveries_state_known check (state in ('NEW', 'DONE', 'DEAD'))
);
create index deliveries_new_endpoint_id_id_idx on deliveries (endpoint_id, id)
    where state = 'NEW';
create index deliveries_endpoint_id_id_idx on deliveries (endpoint_id, id);
create index deliveries_finished_at_idx on deliveries (finished_at) where state <> 'NEW';
