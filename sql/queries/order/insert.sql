-- $1 id, $2 buyer, $3 currency, $4 total, $5 fee, $6 address, $7 note, $8 seconds until it expires
insert into orders (
    id, buyer_id, currency, subtotal_minor, total_minor, platform_fee_minor, shipping_address, note,
    expires_at
)
values (
    $1::uuid, $2::uuid, $3, $4::bigint, $4::bigint, $5::bigint, $6::jsonb, $7,
    now() + make_interval(secs => $8::integer)
)
returning number, expires_at, created_at;
