create table coupons (
    id uuid not null default gen_random_uuid(),
    code text not null,
    percent_bps integer,
    amount_minor bigint,
    currency text,
    bearer text not null,
    category text,
    vendor_id uuid,
    minimum_minor bigint not null default 0,
    limit_total integer,
    limit_per_buyer integer,
    starts_at timestamptz,
    ends_at timestamptz,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    constraint coupons_pkey primary key (id),
    constraint coupons_code_key unique (code),
    constraint coupons_code_is_upper check (code = upper(code)),
    constraint coupons_takes_one_thing check ((percent_bps is null) <> (amount_minor is null)),
    constraint coupons_percent_is_share check (percent_bps between 1 and 10000),
    constraint coupons_amount_positive check (amount_minor > 0),
    constraint coupons_bearer_known check (bearer in ('VENDOR', 'PLATFORM'))
);

-- One use a row. It counts while its order lives.
create table redemptions (
    coupon_id uuid not null,
    order_id uuid not null,
    buyer_id uuid not null,
    created_at timestamptz not null default now(),
    constraint redemptions_pkey primary key (coupon_id, order_id),
    constraint redemptions_coupon_id_fkey foreign key (coupon_id) references coupons (id)
);
