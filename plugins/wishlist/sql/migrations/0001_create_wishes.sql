create table wishes (
    buyer_id uuid not null,
    product_id uuid not null,
    price_minor bigint not null,
    currency text not null,
    note text,
    created_at timestamptz not null default now(),
    constraint wishes_pkey primary key (buyer_id, product_id)
);
create index wishes_product_id_idx on wishes (product_id);
