-- $1 buyer, $2 products, $3 quantities: what was read. Raises SK421 when the cart is another by
-- now.
select cart_take($1::uuid, $2::uuid[], $3::integer[]);
