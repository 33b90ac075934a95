-- $1 id, $2 buyer, $3 currency, $4 subtotal, $5 discount, $6 shipping, $7 fee, $8 address, $9 note,
-- $10 seconds until it expires
insert into orders (
    id, buyer_id, currency, subtotal_minor, discount_minor, shipping_minor, total_minor,
    platform_fee_minor, shipping_address, note, expires_at
)
values (
    $1::uuid, $2::uuid, $3, $4::bigint, $5::bigint, $6::bigint,
    $4::bigint - $5::bigint + $6::bigint, $7::bigint, $8::jsonb, $9,
    now() + make_interval(secs => $10::integer)
)
returning number, expires_at, created_at;
