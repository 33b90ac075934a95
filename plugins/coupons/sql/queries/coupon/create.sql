-- $1 code, $2 basis points, $3 amount, $4 currency, $5 bearer, $6 category, $7 vendor, $8 minimum,
-- $9 limit, $10 limit per buyer, $11 from, $12 until
insert into plugin_coupons.coupons (
    code, percent_bps, amount_minor, currency, bearer, category, vendor_id, minimum_minor,
    limit_total, limit_per_buyer, starts_at, ends_at
)
values (
    $1, $2::integer, $3::bigint, $4, $5, $6, $7::uuid, $8::bigint, $9::integer, $10::integer,
    $11::timestamptz, $12::timestamptz
)
on conflict on constraint coupons_code_key do nothing
returning code;
