-- $1 products, $2 quantities, $3 prices reckoned with. Raises SK410 (short) or SK420 (another
-- price).
select stock_reserve($1::uuid[], $2::integer[], $3::bigint[]);
