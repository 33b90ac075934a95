-- Orders, vendor orders, lines, lines of fees, discounts: as sql/functions/checkout_place.sql has
-- them. A row an order, in their order.
select * from checkout_place(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::jsonb[], $9::text[], $10::integer[], $11::uuid[], $12::uuid[], $13::uuid[], $14::text[],
    $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::jsonb[], $20::bigint[],
    $21::uuid[], $22::uuid[], $23::uuid[], $24::uuid[], $25::uuid[], $26::uuid[], $27::text[],
    $28::bigint[], $29::integer[], $30::bigint[], $31::uuid[], $32::uuid[], $33::integer[],
    $34::text[], $35::bigint[], $36::uuid[], $37::uuid[], $38::integer[], $39::text[], $40::text[],
    $41::text[], $42::bigint[]
);
