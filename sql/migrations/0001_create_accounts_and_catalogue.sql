-- Accounts, the catalogue, and what every write leans on (audit, idempotency, outbox).
-- Names of constraints are read by core/base/err.def: renaming one changes what a client is told.
create extension if not exists pg_trgm;

-- A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random ones but for version and
-- variant.
create function uuid_v7() returns uuid language sql volatile parallel safe as $$
    select encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            placing substring(
                int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
            )
            from 1 for 6
        ), 52, 1), 53, 1), 'hex')::uuid
$$;

create table users (
    id uuid not null default uuid_v7(),
    email text not null,
    password_hash text not null,
    name text not null,
    role text not null,
    status text not null default 'ACTIVE',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email),
    constraint users_email_normalised check (email = lower(email)),
    constraint users_email_length check (octet_length(email) between 3 and 254),
    constraint users_name_length check (octet_length(name) between 1 and 200),
    constraint users_password_hash_is_bcrypt check (password_hash like '$2%'),
    constraint users_role_known check (role in ('BUYER', 'VENDOR', 'ADMIN')),
    constraint users_status_known check (status in ('ACTIVE', 'SUSPENDED'))
);
create index users_created_at_id_idx on users (created_at desc, id desc);

create table buyers (
    id uuid not null default uuid_v7(),
    user_id uuid not null,
    rating_sum bigint not null default 0,
    rating_count integer not null default 0,
    created_at timestamptz not null default now(),
    constraint buyers_pkey primary key (id),
    constraint buyers_user_id_key unique (user_id),
    constraint buyers_user_id_fkey foreign key (user_id) references users (id),
    constraint buyers_rating_possible check (rating_sum between rating_count and 5 * rating_count)
);

create table vendors (
    id uuid not null default uuid_v7(),
    user_id uuid not null,
    business_name text not null,
    slug text not null,
    description text not null default '',
    lat_deg double precision,
    lon_deg double precision,
    status text not null default 'PENDING',
    tier text not null default 'none',
    country text,
    rating_sum bigint not null default 0,
    rating_count integer not null default 0,
    rating_average numeric(3, 2) not null generated always as (
        case when rating_count = 0 then 0 else round(rating_sum::numeric / rating_count, 2) end
    ) stored,
    stripe_account_id text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    geo_xid xid8 not null default pg_current_xact_id(),
    constraint vendors_pkey primary key (id),
    constraint vendors_user_id_key unique (user_id),
    constraint vendors_slug_key unique (slug),
    constraint vendors_stripe_account_id_key unique (stripe_account_id),
    constraint vendors_user_id_fkey foreign key (user_id) references users (id),
    constraint vendors_business_name_length check (octet_length(business_name) between 1 and 200),
    constraint vendors_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint vendors_description_length check (octet_length(description) <= 10000),
    constraint vendors_location_whole check ((lat_deg is null) = (lon_deg is null)),
    constraint vendors_location_on_earth check (
        lat_deg between -90 and 90 and lon_deg between -180 and 180
    ),
    constraint vendors_status_known check (
        status in ('PENDING', 'ACTIVE', 'SUSPENDED', 'REJECTED')
    ),
    constraint vendors_tier_known check (tier in ('none', 'silver', 'gold')),
    constraint vendors_country_form check (country ~ '^[A-Z]{2}$'),
    constraint vendors_rating_possible check (rating_sum between rating_count and 5 * rating_count)
);
create index vendors_created_at_id_idx on vendors (created_at desc, id desc);
create index vendors_status_created_at_id_idx on vendors (status, created_at desc, id desc);
create index vendors_business_name_trgm_idx
on vendors using gin (lower(business_name) gin_trgm_ops);
-- What the geo feed follows: (geo_xid, id) above its cursor and below the oldest running
-- transaction.
create index vendors_geo_xid_id_idx on vendors (geo_xid, id);

create function vendors_stamp_geo() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or (new.lat_deg, new.lon_deg, new.status)
        is distinct from (old.lat_deg, old.lon_deg, old.status) then
        new.geo_xid := pg_current_xact_id();
    end if;
    return new;
end;
$$;
create trigger vendors_stamp_geo before insert or update on vendors
for each row execute function vendors_stamp_geo();

-- A login. Its id is the jti of the access tokens it gave, so ending it ends them too.
create table sessions (
    id uuid not null default uuid_v7(),
    user_id uuid not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    revoked_reason text,
    constraint sessions_pkey primary key (id),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id),
    constraint sessions_revoked_reason_known check (
        revoked_reason in ('LOGOUT', 'REUSE', 'PASSWORD', 'SUSPENDED')
    ),
    constraint sessions_revoked_with_reason check ((revoked_at is null) = (revoked_reason is null))
);
create index sessions_user_id_live_idx on sessions (user_id) where revoked_at is null;

-- One row for each refresh token ever given: only its SHA-256. A used one that comes again was
-- stolen.
create table refresh_tokens (
    token_sha256 text not null,
    session_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint refresh_tokens_pkey primary key (token_sha256),
    constraint refresh_tokens_session_id_fkey foreign key (session_id) references sessions (id),
    constraint refresh_tokens_token_form check (token_sha256 ~ '^[0-9a-f]{64}$')
);
create index refresh_tokens_session_id_idx on refresh_tokens (session_id);
create index refresh_tokens_expires_at_idx on refresh_tokens (expires_at);

-- Failed logins by account and by address, in one window of 15 minutes a subject.
create table login_attempts (
    subject text not null,
    failures integer not null,
    first_failed_at timestamptz not null default now(),
    constraint login_attempts_pkey primary key (subject),
    constraint login_attempts_failures_positive check (failures >= 0)
);
create index login_attempts_first_failed_at_idx on login_attempts (first_failed_at);

-- Requests of limited routes, counted by minute. Losing it in a crash only forgives.
create unlogged table rate_counters (
    subject text not null,
    minute timestamptz not null,
    requests integer not null,
    constraint rate_counters_pkey primary key (subject, minute)
);

create table categories (
    id uuid not null default uuid_v7(),
    parent_id uuid,
    name text not null,
    slug text not null,
    position integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint categories_pkey primary key (id),
    constraint categories_slug_key unique (slug),
    constraint categories_parent_id_fkey foreign key (parent_id) references categories (id),
    constraint categories_not_own_parent check (parent_id <> id),
    constraint categories_name_length check (octet_length(name) between 1 and 100),
    constraint categories_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);
create index categories_parent_id_idx on categories (parent_id);

-- A tree has no rings. The advisory lock makes changes of parents queue, or two moves at once
-- could close one.
create function categories_refuse_ring() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('categories'));
    if exists (
        with recursive above as (
            select c.id, c.parent_id, 1 as depth from categories as c where c.id = new.parent_id
            union all
            select c.id, c.parent_id, above.depth + 1
            from above
            inner join categories as c on c.id = above.parent_id
            where above.depth < 100
        )
        select from above where above.id = new.id
    ) then
        raise exception using
            errcode = 'SK422',
            message = 'some fields are invalid: see details',
            detail = '[{"field": "parentId",'
                ' "message": "must not be the category itself or below it"}]';
    end if;
    return new;
end;
$$;
create trigger categories_refuse_ring before update of parent_id on categories
for each row when (new.parent_id is not null) execute function categories_refuse_ring();

-- stock and reserved change at every sale, so no index holds them and pages keep room for hot
-- updates.
create table products (
    id uuid not null default uuid_v7(),
    vendor_id uuid not null,
    name text not null,
    slug text not null,
    description text not null default '',
    attributes jsonb not null default '{}',
    price_minor bigint not null,
    currency text not null,
    stock integer not null default 0,
    reserved integer not null default 0,
    status text not null default 'DRAFT',
    rating_sum bigint not null default 0,
    rating_count integer not null default 0,
    rating_average numeric(3, 2) not null generated always as (
        case when rating_count = 0 then 0 else round(rating_sum::numeric / rating_count, 2) end
    ) stored,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    tsv tsvector not null generated always as (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', description), 'C')
    ) stored,
    constraint products_pkey primary key (id),
    constraint products_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint products_name_length check (octet_length(name) between 1 and 200),
    constraint products_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint products_description_length check (octet_length(description) <= 20000),
    constraint products_attributes_are_object check (jsonb_typeof(attributes) = 'object'),
    constraint products_price_in_range check (price_minor between 0 and 1000000000000),
    constraint products_currency_form check (currency ~ '^[A-Z]{3}$'),
    constraint products_stock_in_range check (stock between 0 and 1000000000),
    constraint products_reserved_within_stock check (reserved between 0 and stock),
    constraint products_status_known check (
        status in ('DRAFT', 'PUBLISHED', 'UNPUBLISHED', 'ARCHIVED')
    ),
    constraint products_rating_possible check (rating_sum between rating_count and 5 * rating_count)
) with (fillfactor = 85);
-- Without enough statistics the planner guesses words outside its list and walks a whole sort
-- index for a rare one.
alter table products alter column tsv set statistics 1000;

-- An archived product frees its name and its slug.
create unique index products_vendor_id_name_key on products (vendor_id, lower(name))
where status <> 'ARCHIVED';
create unique index products_slug_key on products (slug) where status <> 'ARCHIVED';
create index products_vendor_id_created_at_id_idx on products (vendor_id, created_at desc, id desc);
create index products_published_tsv_idx on products using gin (tsv)
with (fastupdate = off) where status = 'PUBLISHED';
create index products_published_name_trgm_idx on products using gin (lower(name) gin_trgm_ops)
with (fastupdate = off) where status = 'PUBLISHED';
create index products_published_created_at_id_idx on products (created_at desc, id desc)
where status = 'PUBLISHED';
create index products_published_price_minor_id_idx on products (price_minor, id)
where status = 'PUBLISHED';
create index products_published_rating_idx
on products (rating_average desc, rating_count desc, id desc) where status = 'PUBLISHED';
create index products_published_vendor_id_created_at_id_idx
on products (vendor_id, created_at desc, id desc) where status = 'PUBLISHED';
create index products_published_vendor_id_price_minor_id_idx
on products (vendor_id, price_minor, id) where status = 'PUBLISHED';

create table product_categories (
    product_id uuid not null,
    category_id uuid not null,
    constraint product_categories_pkey primary key (product_id, category_id),
    constraint product_categories_product_id_fkey foreign key (product_id) references products (id),
    constraint product_categories_category_id_fkey
    foreign key (category_id) references categories (id)
);
create index product_categories_category_id_idx on product_categories (category_id, product_id);

create table product_images (
    id uuid not null default uuid_v7(),
    product_id uuid not null,
    url text not null,
    alt text not null default '',
    position integer not null,
    media_type text not null,
    size_bytes integer not null,
    width integer not null,
    height integer not null,
    created_at timestamptz not null default now(),
    constraint product_images_pkey primary key (id),
    constraint product_images_product_id_position_key unique (product_id, position),
    constraint product_images_product_id_fkey foreign key (product_id) references products (id),
    constraint product_images_media_type_known check (
        media_type in ('image/jpeg', 'image/png', 'image/webp')
    ),
    constraint product_images_alt_length check (octet_length(alt) <= 500),
    constraint product_images_size_positive check (size_bytes > 0 and width > 0 and height > 0)
);

-- Why stock is what it is: the deltas of a product add up to its stock.
create table inventory_movements (
    id uuid not null default uuid_v7(),
    product_id uuid not null,
    kind text not null,
    delta integer not null,
    stock_after integer not null,
    order_id uuid,
    actor_id uuid,
    created_at timestamptz not null default now(),
    constraint inventory_movements_pkey primary key (id),
    constraint inventory_movements_product_id_fkey
    foreign key (product_id) references products (id),
    constraint inventory_movements_actor_id_fkey foreign key (actor_id) references users (id),
    constraint inventory_movements_kind_known check (
        kind in ('INITIAL', 'SET', 'SOLD', 'RESTOCKED')
    ),
    constraint inventory_movements_order_named check (
        (order_id is not null) = (kind in ('SOLD', 'RESTOCKED'))
    )
);
create index inventory_movements_product_id_created_at_idx
on inventory_movements (product_id, created_at desc, id desc);

create table audit_log (
    id uuid not null default uuid_v7(),
    actor_id uuid,
    action text not null,
    object text not null,
    before jsonb,
    after jsonb,
    reason text,
    request_id text,
    created_at timestamptz not null default now(),
    constraint audit_log_pkey primary key (id),
    constraint audit_log_actor_id_fkey foreign key (actor_id) references users (id)
);
create index audit_log_created_at_id_idx on audit_log (created_at desc, id desc);
create index audit_log_object_created_at_id_idx on audit_log (object, created_at desc, id desc);

create function audit_log_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit_log only grows';
end;
$$;
create trigger audit_log_refuse_change before update or delete or truncate on audit_log
for each statement execute function audit_log_refuse_change();

-- The answer to a keyed request. RUNNING rows are those of resumable routes only, committed before
-- the work.
create table idempotency_keys (
    user_id uuid not null,
    method text not null,
    path text not null,
    key text not null,
    request_sha256 text not null,
    state text not null,
    locked_until timestamptz,
    status integer,
    body text,
    location text,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (user_id, method, path, key),
    constraint idempotency_keys_user_id_fkey foreign key (user_id) references users (id),
    constraint idempotency_keys_key_length check (octet_length(key) between 1 and 255),
    constraint idempotency_keys_state_known check (state in ('RUNNING', 'DONE')),
    constraint idempotency_keys_done_has_status check ((state = 'DONE') = (status is not null)),
    constraint idempotency_keys_running_is_locked check (
        state = 'DONE' or locked_until is not null
    )
);
create index idempotency_keys_created_at_idx on idempotency_keys (created_at);

-- What happened, written by the transaction that did it; delivered at least once, so consumers
-- keep the id.
create table outbox_events (
    id bigint not null generated always as identity,
    type text not null,
    data jsonb not null,
    attempts integer not null default 0,
    available_at timestamptz not null default now(),
    done_at timestamptz,
    created_at timestamptz not null default now(),
    constraint outbox_events_pkey primary key (id),
    constraint outbox_events_type_form check (type ~ '^[a-z_]+(\.[a-z_]+)+$')
);
create index outbox_events_open_idx on outbox_events (available_at, id) where done_at is null;

create table policy_versions (
    id uuid not null default uuid_v7(),
    name text not null,
    version integer not null,
    hash text not null,
    source text not null,
    state text not null,
    note text not null default '',
    author_id uuid,
    created_at timestamptz not null default now(),
    activated_at timestamptz,
    constraint policy_versions_pkey primary key (id),
    constraint policy_versions_name_version_key unique (name, version),
    constraint policy_versions_author_id_fkey foreign key (author_id) references users (id),
    constraint policy_versions_hash_form check (hash ~ '^[0-9a-f]{64}$'),
    constraint policy_versions_state_known check (
        state in ('DRAFT', 'VALIDATED', 'ACTIVE', 'RETIRED')
    ),
    constraint policy_versions_active_has_time check (state <> 'ACTIVE' or activated_at is not null)
);
create unique index policy_versions_one_active_key on policy_versions (name) where state = 'ACTIVE';
