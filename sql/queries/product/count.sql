-- $1 filters, $2 where to stop counting
select product_count($1::jsonb, $2::integer) as total;
