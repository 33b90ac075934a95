-- $1 buyer, $2 product (to add to its line) or $3 line (to set its quantity), $4 quantity.
select cart_put($1::uuid, $2::uuid, $3::uuid, $4::integer);
