-- $1 what was typed, lower case; $2 limit. Names that hold it first, then those that nearly do.
select text, slug, "productId" from product_suggest($1, $2::integer);
