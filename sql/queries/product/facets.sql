-- $1 filters, $2 how many matches are looked at
select facet, id, slug, name, products as count
from product_facets($1::jsonb, $2::integer);
