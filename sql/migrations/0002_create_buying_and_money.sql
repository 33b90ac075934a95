-- Carts, orders, payments, the ledger, payouts, refunds and reviews. Money is bigint minor units
-- beside its currency. A rule that a row can hold is a named constraint here; rules over several
-- rows are in the functions of sql/functions and are asked for by invariant_report().

create table carts (
    id uuid not null default uuid_v7(),
    buyer_id uuid not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint carts_pkey primary key (id),
    constraint carts_buyer_id_key unique (buyer_id),
    constraint carts_buyer_id_fkey foreign key (buyer_id) references buyers (id)
);

-- seen_price_minor is the price the buyer saw when the line was last touched: the cart can say
-- that it changed.
create table cart_items (
    id uuid not null default uuid_v7(),
    cart_id uuid not null,
    product_id uuid not null,
    quantity integer not null,
    seen_price_minor bigint not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint cart_items_pkey primary key (id),
    constraint cart_items_cart_id_product_id_key unique (cart_id, product_id),
    constraint cart_items_cart_id_fkey
        foreign key (cart_id) references carts (id) on delete cascade,
    constraint cart_items_product_id_fkey foreign key (product_id) references products (id),
    constraint cart_items_quantity_within_line check (quantity between 1 and 999)
);

create sequence orders_number_seq;

-- An order exists, with its reservation, before any payment does. While it is PENDING its items
-- are what products.reserved counts; confirmed_at tells a cancelled order that was paid from one
-- that never was.
create table orders (
    id uuid not null default uuid_v7(),
    number text not null default 'S' || lpad(nextval('orders_number_seq')::text, 8, '0'),
    buyer_id uuid not null,
    status text not null default 'PENDING',
    currency text not null,
    subtotal_minor bigint not null,
    total_minor bigint not null,
    platform_fee_minor bigint not null,
    shipping_address jsonb not null,
    note text,
    expires_at timestamptz not null,
    confirmed_at timestamptz,
    closed_at timestamptz,
    cancel_reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint orders_pkey primary key (id),
    constraint orders_number_key unique (number),
    constraint orders_buyer_id_fkey foreign key (buyer_id) references buyers (id),
    constraint orders_status_known
        check (status in ('PENDING', 'CONFIRMED', 'COMPLETED', 'CANCELLED', 'EXPIRED')),
    constraint orders_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    constraint orders_total_within_money check (total_minor between 0 and 1000000000000),
    constraint orders_total_is_subtotal check (total_minor = subtotal_minor),
    constraint orders_fee_within_total check (platform_fee_minor between 0 and total_minor),
    constraint orders_confirmed_is_dated
        check (status not in ('CONFIRMED', 'COMPLETED') or confirmed_at is not null)
);
create index orders_buyer_id_created_at_id_idx on orders (buyer_id, created_at desc, id desc);
create index orders_created_at_id_idx on orders (created_at desc, id desc);
create index orders_pending_expires_at_idx on orders (expires_at) where status = 'PENDING';

-- One vendor's part of an order. fee_input is what the policy was given, fee_policy_version which
-- text of it answered, so that any fee can be recomputed and explained years later.
create table vendor_orders (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    vendor_id uuid not null,
    status text not null default 'PENDING',
    currency text not null,
    subtotal_minor bigint not null,
    fee_minor bigint not null,
    earnings_minor bigint not null,
    fee_policy text not null default 'fee',
    fee_policy_version text not null,
    fee_reason text not null default '',
    fee_input jsonb not null,
    refunded_minor bigint not null default 0,
    refunded_fee_minor bigint not null default 0,
    carrier text,
    tracking_number text,
    cancel_reason text,
    confirmed_at timestamptz,
    shipped_at timestamptz,
    delivered_at timestamptz,
    closed_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint vendor_orders_pkey primary key (id),
    constraint vendor_orders_order_id_vendor_id_key unique (order_id, vendor_id),
    constraint vendor_orders_order_id_fkey foreign key (order_id) references orders (id),
    constraint vendor_orders_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint vendor_orders_status_known check (
        status in (
            'PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'DELIVERED', 'COMPLETED', 'CANCELLED'
        )
    ),
    constraint vendor_orders_fee_within_subtotal check (fee_minor between 0 and subtotal_minor),
    constraint vendor_orders_fee_and_earnings_are_subtotal
        check (fee_minor + earnings_minor = subtotal_minor),
    constraint vendor_orders_refunded_within_subtotal
        check (refunded_minor between 0 and subtotal_minor),
    constraint vendor_orders_refunded_fee_within_fee
        check (refunded_fee_minor between 0 and least(fee_minor, refunded_minor)),
    constraint vendor_orders_refunded_earnings_within_earnings
        check (refunded_minor - refunded_fee_minor <= earnings_minor),
    constraint vendor_orders_shipped_is_dated
        check (status not in ('SHIPPED', 'DELIVERED', 'COMPLETED') or shipped_at is not null),
    constraint vendor_orders_delivered_is_dated
        check (status not in ('DELIVERED', 'COMPLETED') or delivered_at is not null)
);
create index vendor_orders_vendor_id_created_at_id_idx
    on vendor_orders (vendor_id, created_at desc, id desc);
create index vendor_orders_delivered_delivered_at_idx
    on vendor_orders (delivered_at) where status = 'DELIVERED';

create table order_items (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    vendor_order_id uuid not null,
    vendor_id uuid not null,
    product_id uuid not null,
    name text not null,
    unit_price_minor bigint not null,
    quantity integer not null,
    line_total_minor bigint not null,
    constraint order_items_pkey primary key (id),
    constraint order_items_order_id_product_id_key unique (order_id, product_id),
    constraint order_items_order_id_fkey foreign key (order_id) references orders (id),
    constraint order_items_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint order_items_product_id_fkey foreign key (product_id) references products (id),
    constraint order_items_quantity_positive check (quantity > 0),
    constraint order_items_price_not_negative check (unit_price_minor >= 0),
    constraint order_items_line_is_price_times_quantity
        check (line_total_minor = unit_price_minor * quantity)
);
create index order_items_product_id_idx on order_items (product_id);

create table fee_lines (
    id uuid not null default uuid_v7(),
    vendor_order_id uuid not null,
    position integer not null,
    name text not null,
    amount_minor bigint not null,
    constraint fee_lines_pkey primary key (id),
    constraint fee_lines_vendor_order_id_position_key unique (vendor_order_id, position),
    constraint fee_lines_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id)
);

-- number counts the payments of an order: it grows only after one has definitely come to nothing.
-- The client secret of a PaymentIntent is stored nowhere.
create table payments (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    number integer not null,
    status text not null default 'CREATED',
    method text not null,
    provider text not null default 'stripe',
    provider_payment_id text,
    charge_id text,
    amount_minor bigint not null,
    currency text not null,
    is_live boolean not null,
    refunded_minor bigint not null default 0,
    provider_status text,
    failure_code text,
    failure_message text,
    is_disputed boolean not null default false,
    quarantined_at timestamptz,
    quarantine_reason text,
    checked_at timestamptz,
    succeeded_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint payments_pkey primary key (id),
    constraint payments_order_id_number_key unique (order_id, number),
    constraint payments_provider_payment_id_key unique (provider_payment_id),
    constraint payments_order_id_fkey foreign key (order_id) references orders (id),
    constraint payments_status_known check (
        status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELLED',
            'PARTIALLY_REFUNDED', 'REFUNDED')
    ),
    constraint payments_amount_positive check (amount_minor > 0),
    constraint payments_refunded_within_paid check (
        refunded_minor between 0 and case
            when status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED') then amount_minor else 0
        end
    ),
    constraint payments_refunded_status_is_true check (
        (status <> 'REFUNDED' or refunded_minor = amount_minor)
        and (status <> 'PARTIALLY_REFUNDED' or refunded_minor between 1 and amount_minor - 1)
    )
);
create unique index payments_live_order_id_key on payments (order_id)
    where status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING');
create index payments_live_checked_at_idx on payments (coalesce(checked_at, created_at))
    where status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING');

-- Outbox of calls that change something at Stripe: committed before it is sent, sent again with
-- the same key and the same bytes until the outcome is known. attempt grows only after a
-- definitive refusal.
create table stripe_ops (
    id uuid not null default uuid_v7(),
    kind text not null,
    ref_id uuid not null,
    attempt integer not null default 1,
    idempotency_key text not null,
    path text not null,
    body text not null,
    account text,
    api_version text not null,
    state text not null default 'NEW',
    http_status integer,
    response jsonb,
    request_id text,
    problem text,
    tries integer not null default 0,
    first_sent_at timestamptz,
    next_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint stripe_ops_pkey primary key (id),
    constraint stripe_ops_kind_ref_id_attempt_key unique (kind, ref_id, attempt),
    constraint stripe_ops_idempotency_key_key unique (idempotency_key),
    constraint stripe_ops_state_known
        check (state in ('NEW', 'SENT', 'UNKNOWN', 'DONE', 'REJECTED')),
    constraint stripe_ops_idempotency_key_short check (length(idempotency_key) between 1 and 255)
);
create index stripe_ops_open_next_at_idx on stripe_ops (next_at)
    where state in ('NEW', 'SENT', 'UNKNOWN');

-- Inbox: an event is committed before it is answered with 200. payload is kept without client
-- secrets.
create table stripe_events (
    id text not null,
    endpoint text not null,
    type text not null,
    object_id text,
    account text,
    is_live boolean not null,
    api_version text,
    payload jsonb not null,
    state text not null default 'NEW',
    tries integer not null default 0,
    problem text,
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    next_at timestamptz not null default now(),
    processed_at timestamptz,
    constraint stripe_events_pkey primary key (id),
    constraint stripe_events_endpoint_known check (endpoint in ('platform', 'connect')),
    constraint stripe_events_state_known check (state in ('NEW', 'DONE', 'IGNORED', 'DEAD'))
);
create index stripe_events_new_next_at_idx on stripe_events (next_at) where state = 'NEW';
create index stripe_events_object_id_idx on stripe_events (object_id);

-- Double entry: debit +, credit -. (kind, ref) makes each event post once.
create table ledger_transactions (
    id uuid not null default uuid_v7(),
    kind text not null,
    ref text not null,
    order_id uuid,
    memo text not null default '',
    created_at timestamptz not null default now(),
    constraint ledger_transactions_pkey primary key (id),
    constraint ledger_transactions_kind_ref_key unique (kind, ref),
    constraint ledger_transactions_order_id_fkey foreign key (order_id) references orders (id),
    constraint ledger_transactions_kind_is_word check (kind ~ '^[a-z][a-z_]*$')
);
create index ledger_transactions_order_id_idx on ledger_transactions (order_id);
create index ledger_transactions_created_at_id_idx
    on ledger_transactions (created_at desc, id desc);

create table ledger_postings (
    id bigint generated always as identity,
    transaction_id uuid not null,
    account text not null,
    currency text not null,
    amount_minor bigint not null,
    created_at timestamptz not null default now(),
    constraint ledger_postings_pkey primary key (id),
    constraint ledger_postings_transaction_id_fkey
        foreign key (transaction_id) references ledger_transactions (id),
    constraint ledger_postings_amount_not_zero check (amount_minor <> 0),
    constraint ledger_postings_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    constraint ledger_postings_account_known check (
        account in ('stripe', 'bank', 'platform_fee', 'stripe_fee', 'dispute_hold', 'dispute_fee',
            'loss', 'rounding', 'unapplied')
        or account ~ '^vendor:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    )
);
create index ledger_postings_transaction_id_idx on ledger_postings (transaction_id);
create index ledger_postings_account_id_idx on ledger_postings (account, id desc)
    include (currency, amount_minor);

create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append only: post a correcting transaction'
        using errcode = 'SK409';
end;
$$;
create trigger ledger_transactions_append_only before update or delete or truncate
    on ledger_transactions for each statement execute function ledger_refuse_change();
create trigger ledger_postings_append_only before update or delete or truncate
    on ledger_postings for each statement execute function ledger_refuse_change();

-- Takes the name of the column that holds the transaction's id.
create function ledger_check_balance() returns trigger language plpgsql as $$
declare
    v_id uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
begin
    if not exists (select from ledger_postings where transaction_id = v_id)
        or exists (
            select from ledger_postings where transaction_id = v_id
            group by currency having sum(amount_minor) <> 0
        ) then
        raise exception 'ledger transaction % does not sum to 0', v_id
            using errcode = '23514', constraint = 'ledger_transactions_sum_to_zero';
    end if;
    return null;
end;
$$;
create constraint trigger ledger_transactions_sum_to_zero after insert on ledger_transactions
    deferrable initially deferred for each row execute function ledger_check_balance('id');
create constraint trigger ledger_postings_sum_to_zero after insert on ledger_postings
    deferrable initially deferred for each row
    execute function ledger_check_balance('transaction_id');

-- The open payout of a vendor gathers items; a refund of something already paid out leaves a
-- negative item in the next one, which is how a vendor's debt is netted.
create table payouts (
    id uuid not null default uuid_v7(),
    vendor_id uuid not null,
    currency text not null,
    status text not null default 'PENDING',
    provider text not null default 'stripe',
    amount_minor bigint not null default 0,
    hold_reason text,
    failure_message text,
    paid_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint payouts_pkey primary key (id),
    constraint payouts_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint payouts_status_known
        check (status in ('PENDING', 'PROCESSING', 'PAID', 'FAILED', 'ON_HOLD')),
    constraint payouts_provider_known check (provider in ('stripe', 'manual')),
    constraint payouts_sent_is_positive
        check (status in ('PENDING', 'ON_HOLD') or amount_minor > 0)
);
create unique index payouts_open_vendor_id_currency_key on payouts (vendor_id, currency)
    where status = 'PENDING';
create index payouts_vendor_id_created_at_id_idx on payouts (vendor_id, created_at desc, id desc);
create index payouts_created_at_id_idx on payouts (created_at desc, id desc);

create table refunds (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    payment_id uuid not null,
    cause text not null,
    reason text not null default '',
    status text not null default 'PENDING',
    amount_minor bigint not null,
    currency text not null,
    provider_refund_id text,
    failure_message text,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint refunds_pkey primary key (id),
    constraint refunds_provider_refund_id_key unique (provider_refund_id),
    constraint refunds_order_id_fkey foreign key (order_id) references orders (id),
    constraint refunds_payment_id_fkey foreign key (payment_id) references payments (id),
    constraint refunds_status_known check (status in ('PENDING', 'SUCCEEDED', 'FAILED')),
    constraint refunds_cause_known check (
        cause in ('BUYER_CANCEL', 'VENDOR_CANCEL', 'ADMIN', 'LATE_PAYMENT', 'SURPLUS_PAYMENT')
    ),
    constraint refunds_amount_positive check (amount_minor > 0)
);
create index refunds_order_id_idx on refunds (order_id);
create index refunds_payment_id_idx on refunds (payment_id);
create index refunds_created_at_id_idx on refunds (created_at desc, id desc);

-- How a refund falls on the vendors, by the fee lines stored with the order.
create table refund_parts (
    refund_id uuid not null,
    vendor_order_id uuid not null,
    amount_minor bigint not null,
    fee_minor bigint not null,
    earnings_minor bigint not null,
    constraint refund_parts_pkey primary key (refund_id, vendor_order_id),
    constraint refund_parts_refund_id_fkey foreign key (refund_id) references refunds (id),
    constraint refund_parts_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint refund_parts_amount_positive check (amount_minor > 0),
    constraint refund_parts_fee_within_amount check (fee_minor between 0 and amount_minor),
    constraint refund_parts_fee_and_earnings_are_amount
        check (fee_minor + earnings_minor = amount_minor)
);
create index refund_parts_vendor_order_id_idx on refund_parts (vendor_order_id);

create table payout_items (
    id uuid not null default uuid_v7(),
    payout_id uuid not null,
    kind text not null,
    vendor_order_id uuid not null,
    refund_id uuid,
    amount_minor bigint not null,
    due_at timestamptz,
    created_at timestamptz not null default now(),
    constraint payout_items_pkey primary key (id),
    constraint payout_items_payout_id_fkey foreign key (payout_id) references payouts (id),
    constraint payout_items_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint payout_items_refund_id_fkey foreign key (refund_id) references refunds (id),
    constraint payout_items_kind_known check (kind in ('EARNING', 'REFUND', 'REFUND_FAILED')),
    constraint payout_items_kind_is_signed check (
        (kind = 'EARNING' and amount_minor >= 0 and refund_id is null)
        or (kind = 'REFUND' and amount_minor <= 0 and refund_id is not null)
        or (kind = 'REFUND_FAILED' and amount_minor >= 0 and refund_id is not null)
    )
);
create index payout_items_payout_id_idx on payout_items (payout_id);
create unique index payout_items_earning_vendor_order_id_key on payout_items (vendor_order_id)
    where kind = 'EARNING';
create unique index payout_items_kind_refund_id_vendor_order_id_key
    on payout_items (kind, refund_id, vendor_order_id) where refund_id is not null;

create table reviews (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    vendor_order_id uuid not null,
    target_kind text not null,
    target_id uuid not null,
    author_kind text not null,
    author_id uuid not null,
    author_name text not null default '',
    rating integer not null,
    title text,
    body text,
    status text not null default 'PUBLISHED',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint reviews_pkey primary key (id),
    constraint reviews_target_author_order_key unique (target_kind, target_id, author_id, order_id),
    constraint reviews_order_id_fkey foreign key (order_id) references orders (id),
    constraint reviews_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint reviews_rating_within_five check (rating between 1 and 5),
    constraint reviews_status_known check (status in ('PUBLISHED', 'HIDDEN')),
    constraint reviews_sides_differ check (
        (author_kind = 'BUYER' and target_kind in ('PRODUCT', 'VENDOR'))
        or (author_kind = 'VENDOR' and target_kind = 'BUYER')
    )
);
create index reviews_target_created_at_id_idx
    on reviews (target_kind, target_id, created_at desc, id desc) where status = 'PUBLISHED';

-- The rating of a target is kept in the transaction that changes a review, and counts published
-- ones only.
create function review_apply_rating() returns trigger language plpgsql as $$
declare
    v_row reviews := coalesce(new, old);
    v_sum integer := 0;
    v_count integer := 0;
begin
    if tg_op <> 'INSERT' and old.status = 'PUBLISHED' then
        v_sum := v_sum - old.rating;
        v_count := v_count - 1;
    end if;
    if tg_op <> 'DELETE' and new.status = 'PUBLISHED' then
        v_sum := v_sum + new.rating;
        v_count := v_count + 1;
    end if;
    if v_row.target_kind = 'PRODUCT' then
        update products set rating_sum = rating_sum + v_sum, rating_count = rating_count + v_count
        where id = v_row.target_id;
    elsif v_row.target_kind = 'VENDOR' then
        update vendors set rating_sum = rating_sum + v_sum, rating_count = rating_count + v_count
        where id = v_row.target_id;
    else
        update buyers set rating_sum = rating_sum + v_sum, rating_count = rating_count + v_count
        where id = v_row.target_id;
    end if;
    return null;
end;
$$;
create trigger reviews_apply_rating after insert or delete or update of rating, status
    on reviews for each row execute function review_apply_rating();

-- The last wall of the state machines: whatever code says, an illegal step does not commit.
create function status_check_step() returns trigger language plpgsql as $$
declare
    v_step text := old.status || '>' || new.status;
    v_legal text[] := case tg_table_name
        when 'orders' then array[
            'PENDING>CONFIRMED', 'PENDING>EXPIRED', 'PENDING>CANCELLED', 'EXPIRED>CONFIRMED',
            'CANCELLED>CONFIRMED', 'CONFIRMED>COMPLETED', 'CONFIRMED>CANCELLED']
        when 'vendor_orders' then array[
            'PENDING>CONFIRMED', 'PENDING>CANCELLED', 'CANCELLED>CONFIRMED', 'CONFIRMED>PROCESSING',
            'CONFIRMED>CANCELLED', 'PROCESSING>SHIPPED', 'PROCESSING>CANCELLED',
            'SHIPPED>DELIVERED', 'DELIVERED>COMPLETED']
        when 'payments' then array[
            'CREATED>REQUIRES_ACTION', 'CREATED>PROCESSING', 'CREATED>SUCCEEDED', 'CREATED>FAILED',
            'CREATED>CANCELLED', 'REQUIRES_ACTION>CREATED', 'REQUIRES_ACTION>PROCESSING',
            'REQUIRES_ACTION>SUCCEEDED', 'REQUIRES_ACTION>FAILED', 'REQUIRES_ACTION>CANCELLED',
            'PROCESSING>CREATED', 'PROCESSING>REQUIRES_ACTION', 'PROCESSING>SUCCEEDED',
            'PROCESSING>FAILED', 'PROCESSING>CANCELLED', 'SUCCEEDED>PARTIALLY_REFUNDED',
            'SUCCEEDED>REFUNDED', 'PARTIALLY_REFUNDED>REFUNDED',
            'PARTIALLY_REFUNDED>SUCCEEDED', 'REFUNDED>PARTIALLY_REFUNDED', 'REFUNDED>SUCCEEDED']
        when 'payouts' then array[
            'PENDING>PROCESSING', 'PROCESSING>PAID', 'PROCESSING>FAILED', 'FAILED>PENDING',
            'PAID>FAILED', 'PENDING>ON_HOLD', 'ON_HOLD>PENDING']
    end;
begin
    -- A cancelled row comes back only for a late payment: one that was never paid before.
    if not v_step = any (v_legal)
        or (v_step = 'CANCELLED>CONFIRMED' and (to_jsonb(old) ->> 'confirmed_at') is not null) then
        raise exception 'this step is not allowed from the current status'
            using errcode = 'SK411', hint = tg_table_name || ' ' || v_step;
    end if;
    return new;
end;
$$;
create trigger orders_step_is_legal before update of status on orders
    for each row when (old.status is distinct from new.status) execute function status_check_step();
create trigger vendor_orders_step_is_legal before update of status on vendor_orders
    for each row when (old.status is distinct from new.status) execute function status_check_step();
create trigger payments_step_is_legal before update of status on payments
    for each row when (old.status is distinct from new.status) execute function status_check_step();
create trigger payouts_step_is_legal before update of status on payouts
    for each row when (old.status is distinct from new.status) execute function status_check_step();

-- The name of this installation: a part of every Idempotency-Key sent to Stripe, so that two
-- databases which use one Stripe account never answer each other's calls.
create table installation (
    id text not null default substr(replace(gen_random_uuid()::text, '-', ''), 1, 12),
    is_only boolean not null default true,
    created_at timestamptz not null default now(),
    constraint installation_pkey primary key (id),
    constraint installation_is_only_key unique (is_only),
    constraint installation_is_one check (is_only)
);
insert into installation default values;
