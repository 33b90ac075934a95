-- A fee line each: $1 vendor orders, $2 positions, $3 names, $4 amounts
insert into fee_lines (vendor_order_id, position, name, amount_minor)
select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[]);
