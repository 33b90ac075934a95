-- Money that leaves the platform: vendors' Stripe accounts, transfers and their reversals, disputes,
-- adjustments, and what Stripe itself says of its balance.

-- A vendor's account at Stripe, as last heard. attempt grows when a vendor that disconnected
-- (DEAUTHORIZED) begins anew; provider_account_id is null until Stripe has made the account.
-- is_wake_due: it has become ready, and the payouts that waited for it have yet to hear of it.
alter table vendors drop column stripe_account_id;
create table stripe_accounts (
    vendor_id uuid not null,
    attempt integer not null default 1,
    provider_account_id text,
    status text not null default 'CREATING',
    country text,
    is_charges_enabled boolean not null default false,
    is_payouts_enabled boolean not null default false,
    is_details_submitted boolean not null default false,
    transfers_capability text not null default 'inactive',
    currently_due jsonb not null default '[]',
    disabled_reason text,
    failure_message text,
    is_wake_due boolean not null default false,
    checked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint stripe_accounts_pkey primary key (vendor_id),
    constraint stripe_accounts_provider_account_id_key unique (provider_account_id),
    constraint stripe_accounts_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint stripe_accounts_status_known
        check (status in ('CREATING', 'OPEN', 'DEAUTHORIZED', 'FAILED')),
    constraint stripe_accounts_open_is_named
        check (status <> 'OPEN' or provider_account_id is not null)
);
create index stripe_accounts_wake_due_idx on stripe_accounts (vendor_id) where is_wake_due;

alter table payments add column fee_minor bigint;
create index payments_charge_id_idx on payments (charge_id) where charge_id is not null;
create index payments_fee_unknown_idx on payments (succeeded_at)
    where fee_minor is null and succeeded_at is not null;

-- Which units a refund gives back; restocked of them went back on the shelf.
create table refund_items (
    refund_id uuid not null,
    order_item_id uuid not null,
    quantity integer not null,
    amount_minor bigint not null,
    restocked integer not null default 0,
    constraint refund_items_pkey primary key (refund_id, order_item_id),
    constraint refund_items_refund_id_fkey foreign key (refund_id) references refunds (id),
    constraint refund_items_order_item_id_fkey
        foreign key (order_item_id) references order_items (id),
    constraint refund_items_quantity_positive check (quantity > 0),
    constraint refund_items_restocked_within_quantity check (restocked between 0 and quantity),
    constraint refund_items_amount_not_negative check (amount_minor >= 0)
);
create index refund_items_order_item_id_idx on refund_items (order_item_id);
create index order_items_vendor_order_id_idx on order_items (vendor_order_id);
alter table refunds drop constraint refunds_cause_known;
alter table refunds add constraint refunds_cause_known check (
    cause in ('BUYER_CANCEL', 'VENDOR_CANCEL', 'VENDOR', 'ADMIN', 'LATE_PAYMENT', 'SURPLUS_PAYMENT')
);

-- Stripe's disputes. state is ours: INQUIRY has moved no money; OPEN has (X and fee are out of the
-- balance); WON and LOST are final, but that a bank can still give back what was LOST (lost_at
-- stays); CLOSED is one that ended without moving money.
create table disputes (
    id uuid not null default uuid_v7(),
    order_id uuid not null,
    payment_id uuid not null,
    provider_dispute_id text not null,
    charge_id text not null,
    state text not null,
    provider_status text not null,
    reason text not null default '',
    amount_minor bigint not null,
    fee_minor bigint not null default 0,
    fee_returned_minor bigint not null default 0,
    currency text not null,
    liable text,
    is_charge_refundable boolean not null default false,
    evidence jsonb not null default '{}',
    evidence_due_at timestamptz,
    evidence_submitted_at timestamptz,
    opened_at timestamptz not null,
    lost_at timestamptz,
    closed_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint disputes_pkey primary key (id),
    constraint disputes_provider_dispute_id_key unique (provider_dispute_id),
    constraint disputes_order_id_fkey foreign key (order_id) references orders (id),
    constraint disputes_payment_id_fkey foreign key (payment_id) references payments (id),
    constraint disputes_state_known check (state in ('INQUIRY', 'OPEN', 'WON', 'LOST', 'CLOSED')),
    constraint disputes_liable_known check (liable in ('PLATFORM', 'VENDOR')),
    constraint disputes_lost_is_borne
        check (state <> 'LOST' or (liable is not null and lost_at is not null)),
    constraint disputes_amount_positive check (amount_minor > 0),
    constraint disputes_fee_not_negative check (fee_minor >= 0)
);
create index disputes_order_id_idx on disputes (order_id);
create index disputes_payment_id_idx on disputes (payment_id);
create index disputes_created_at_id_idx on disputes (created_at desc, id desc);

-- How a dispute falls on the vendors of its order, by what is left of their subtotals. liable: who
-- bears this part when it is lost; is_reversed: its transfer is to be taken back.
create table dispute_parts (
    dispute_id uuid not null,
    vendor_order_id uuid not null,
    amount_minor bigint not null,
    liable text not null default 'PLATFORM',
    is_reversed boolean not null default false,
    constraint dispute_parts_pkey primary key (dispute_id, vendor_order_id),
    constraint dispute_parts_dispute_id_fkey foreign key (dispute_id) references disputes (id),
    constraint dispute_parts_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint dispute_parts_liable_known check (liable in ('PLATFORM', 'VENDOR')),
    constraint dispute_parts_amount_not_negative check (amount_minor >= 0)
);
create index dispute_parts_vendor_order_id_idx on dispute_parts (vendor_order_id);

-- What a payout by Stripe sends: one transfer per vendor order that has something left, out of that
-- order's charge. vendor_order_id is null for an adjustment, which no charge stands behind.
create table transfers (
    id uuid not null default uuid_v7(),
    payout_id uuid not null,
    vendor_id uuid not null,
    vendor_order_id uuid,
    destination text not null,
    charge_id text,
    amount_minor bigint not null,
    currency text not null,
    reversed_minor bigint not null default 0,
    status text not null default 'PENDING',
    provider_transfer_id text,
    failure_code text,
    failure_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint transfers_pkey primary key (id),
    constraint transfers_provider_transfer_id_key unique (provider_transfer_id),
    constraint transfers_payout_id_fkey foreign key (payout_id) references payouts (id),
    constraint transfers_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint transfers_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint transfers_status_known check (status in ('PENDING', 'DONE', 'FAILED')),
    constraint transfers_amount_positive check (amount_minor > 0),
    constraint transfers_reversed_within_amount check (reversed_minor between 0 and amount_minor),
    constraint transfers_done_is_named check (status <> 'DONE' or provider_transfer_id is not null)
);
create index transfers_payout_id_idx on transfers (payout_id);
create index transfers_vendor_order_id_idx on transfers (vendor_order_id);
create unique index transfers_pending_vendor_order_id_key on transfers (vendor_order_id)
    where status = 'PENDING';

-- Taking back what was transferred, for a refund or a dispute. A vendor whose balance does not
-- cover it gives what there is (SHORT: ask how much that is); the rest is CARRIED as a debt and
-- netted from its next payout.
create table transfer_reversals (
    id uuid not null default uuid_v7(),
    transfer_id uuid not null,
    vendor_order_id uuid not null,
    refund_id uuid,
    dispute_id uuid,
    attempt integer not null default 1,
    wanted_minor bigint not null,
    asked_minor bigint not null,
    reversed_minor bigint not null default 0,
    status text not null default 'PENDING',
    provider_reversal_id text,
    failure_code text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint transfer_reversals_pkey primary key (id),
    constraint transfer_reversals_provider_reversal_id_key unique (provider_reversal_id),
    constraint transfer_reversals_transfer_id_fkey
        foreign key (transfer_id) references transfers (id),
    constraint transfer_reversals_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint transfer_reversals_refund_id_fkey foreign key (refund_id) references refunds (id),
    constraint transfer_reversals_dispute_id_fkey
        foreign key (dispute_id) references disputes (id),
    constraint transfer_reversals_has_one_cause check ((refund_id is null) <> (dispute_id is null)),
    constraint transfer_reversals_status_known
        check (status in ('PENDING', 'SHORT', 'DONE', 'CARRIED')),
    constraint transfer_reversals_amounts_nest check (
        wanted_minor > 0 and asked_minor between 1 and wanted_minor
        and reversed_minor between 0 and asked_minor
    )
);
create unique index transfer_reversals_cause_transfer_key
    on transfer_reversals (coalesce(refund_id, dispute_id), transfer_id);
create index transfer_reversals_transfer_id_idx on transfer_reversals (transfer_id);
create index transfer_reversals_vendor_order_id_idx on transfer_reversals (vendor_order_id);
create index transfer_reversals_dispute_id_idx on transfer_reversals (dispute_id);
create index transfer_reversals_short_idx on transfer_reversals (updated_at)
    where status = 'SHORT';

-- A correction of the books by two persons: one proposes, another one approves. postings:
-- [{account, amount}] in minor units, debit +, credit -, sum 0.
create table adjustments (
    id uuid not null default uuid_v7(),
    status text not null default 'PROPOSED',
    currency text not null,
    postings jsonb not null,
    reason text not null,
    order_id uuid,
    proposed_by uuid not null,
    decided_by uuid,
    decided_at timestamptz,
    created_at timestamptz not null default now(),
    constraint adjustments_pkey primary key (id),
    constraint adjustments_order_id_fkey foreign key (order_id) references orders (id),
    constraint adjustments_proposed_by_fkey foreign key (proposed_by) references users (id),
    constraint adjustments_decided_by_fkey foreign key (decided_by) references users (id),
    constraint adjustments_status_known check (status in ('PROPOSED', 'POSTED', 'REJECTED')),
    constraint adjustments_decided_is_signed
        check ((status = 'PROPOSED') = (decided_by is null)),
    constraint adjustments_two_persons check (status <> 'POSTED' or decided_by <> proposed_by)
);
create index adjustments_created_at_id_idx on adjustments (created_at desc, id desc);

-- Payouts from a Stripe balance to a bank: the platform's own (vendor_id null) move the ledger, a
-- vendor's are only told.
create table bank_payouts (
    id uuid not null default uuid_v7(),
    provider_payout_id text not null,
    vendor_id uuid,
    amount_minor bigint not null,
    currency text not null,
    status text not null,
    failure_message text,
    arrives_at timestamptz,
    occurred_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint bank_payouts_pkey primary key (id),
    constraint bank_payouts_provider_payout_id_key unique (provider_payout_id),
    constraint bank_payouts_vendor_id_fkey foreign key (vendor_id) references vendors (id),
    constraint bank_payouts_status_known
        check (status in ('PENDING', 'IN_TRANSIT', 'PAID', 'FAILED', 'CANCELLED'))
);
create index bank_payouts_vendor_id_created_at_id_idx
    on bank_payouts (vendor_id, created_at desc, id desc);

-- taken_at: when a run took it last; reference: what the bank calls a payout paid by hand. A payout
-- that a bank has returned stays FAILED, and its items go on in another one.
drop function if exists payout_adjust(text, uuid, uuid, bigint);
alter table payouts add column taken_at timestamptz;
alter table payouts add column reference text;
alter table payouts add column failure_code text;
alter table payouts drop constraint payouts_sent_is_positive;
alter table payouts add constraint payouts_sent_is_positive
    check (status in ('PENDING', 'ON_HOLD', 'FAILED') or amount_minor > 0);
create index payouts_processing_provider_idx on payouts (provider, created_at)
    where status = 'PROCESSING';

-- The open payout holds all that a vendor and the platform owe each other: earnings, and what
-- lowers or raises them. due_at null: not yet to be counted.
alter table payout_items drop constraint payout_items_kind_known;
alter table payout_items drop constraint payout_items_kind_is_signed;
alter table payout_items alter column vendor_order_id drop not null;
alter table payout_items add column dispute_id uuid;
alter table payout_items add column reversal_id uuid;
alter table payout_items add column transfer_id uuid;
alter table payout_items add column adjustment_id uuid;
alter table payout_items
    add constraint payout_items_dispute_id_fkey
        foreign key (dispute_id) references disputes (id),
    add constraint payout_items_reversal_id_fkey
        foreign key (reversal_id) references transfer_reversals (id),
    add constraint payout_items_transfer_id_fkey
        foreign key (transfer_id) references transfers (id),
    add constraint payout_items_adjustment_id_fkey
        foreign key (adjustment_id) references adjustments (id),
    add constraint payout_items_kind_is_signed check (case kind
        when 'EARNING' then amount_minor >= 0
        when 'REFUND' then amount_minor <= 0 and refund_id is not null
        when 'REFUND_FAILED' then amount_minor >= 0 and refund_id is not null
        when 'REVERSAL' then amount_minor >= 0 and reversal_id is not null
        when 'TRANSFERRED' then amount_minor <= 0 and transfer_id is not null
        when 'DISPUTE' then amount_minor <= 0 and dispute_id is not null
        when 'DISPUTE_WON' then amount_minor >= 0 and dispute_id is not null
        when 'ADJUSTMENT' then adjustment_id is not null
        else false
    end),
    add constraint payout_items_names_its_order
        check (vendor_order_id is not null or kind in ('ADJUSTMENT', 'TRANSFERRED'));
create index payout_items_vendor_order_id_idx on payout_items (vendor_order_id);
create unique index payout_items_kind_reversal_id_key on payout_items (kind, reversal_id)
    where reversal_id is not null;
create unique index payout_items_kind_transfer_id_key on payout_items (kind, transfer_id)
    where transfer_id is not null;
create unique index payout_items_kind_dispute_id_vendor_order_id_key
    on payout_items (kind, dispute_id, vendor_order_id) where dispute_id is not null;
create unique index payout_items_adjustment_id_payout_id_key
    on payout_items (adjustment_id, payout_id) where adjustment_id is not null;

-- Lines of Stripe's own books (balance transactions of the platform), gathered as they are: what
-- ours are compared with.
create table stripe_balance_transactions (
    id text not null,
    type text not null,
    source text,
    amount_minor bigint not null,
    fee_minor bigint not null,
    net_minor bigint not null,
    currency text not null,
    occurred_at timestamptz not null,
    available_at timestamptz,
    gathered_at timestamptz not null default now(),
    constraint stripe_balance_transactions_pkey primary key (id),
    constraint stripe_balance_transactions_net_is_amount_less_fee
        check (net_minor = amount_minor - fee_minor)
);
create index stripe_balance_transactions_source_idx on stripe_balance_transactions (source);
create index stripe_balance_transactions_occurred_at_idx
    on stripe_balance_transactions (occurred_at);

-- A comparison of the ledger with Stripe's books. What differs is reported and never corrected by
-- itself.
create table reconciliations (
    id uuid not null default uuid_v7(),
    status text not null default 'RUNNING',
    since timestamptz not null,
    until timestamptz not null,
    gathered integer not null default 0,
    compared integer not null default 0,
    findings integer not null default 0,
    failure_message text,
    started_by uuid,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint reconciliations_pkey primary key (id),
    constraint reconciliations_started_by_fkey foreign key (started_by) references users (id),
    constraint reconciliations_status_known check (status in ('RUNNING', 'DONE', 'FAILED'))
);
create index reconciliations_created_at_id_idx on reconciliations (created_at desc, id desc);

create table reconciliation_findings (
    id uuid not null default uuid_v7(),
    reconciliation_id uuid not null,
    kind text not null,
    object_id text,
    currency text not null,
    ours_minor bigint,
    theirs_minor bigint,
    note text not null default '',
    created_at timestamptz not null default now(),
    constraint reconciliation_findings_pkey primary key (id),
    constraint reconciliation_findings_reconciliation_id_fkey
        foreign key (reconciliation_id) references reconciliations (id),
    constraint reconciliation_findings_kind_known check (
        kind in ('MISSING_IN_LEDGER', 'MISSING_AT_STRIPE', 'AMOUNT_DIFFERS', 'FEE_DIFFERS',
            'BALANCE_DIFFERS', 'TRANSFERS_DIFFER')
    )
);
create index reconciliation_findings_reconciliation_id_idx
    on reconciliation_findings (reconciliation_id);

-- lane: what must go to Stripe one after the other (an account, a PaymentIntent). Null: its own.
alter table stripe_ops add column lane text;
create index stripe_ops_open_lane_idx on stripe_ops (lane, created_at)
    where state in ('NEW', 'SENT', 'UNKNOWN') and lane is not null;

-- Of Stripe's events all that happened before this are in stripe_events: what is asked for when
-- some did not arrive.
alter table installation add column events_complete_until timestamptz not null default now();
