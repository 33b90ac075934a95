-- What a list is narrowed by stands beside what it is ordered by: walking on past products that do
-- not match reads an index only, and no row of one and a half kilobytes. Words are looked for in the
-- rows of those that are left. Some two seconds an index a million products: products are read
-- meanwhile, and sold, whose stock is another table's.
create index products_published_created_at_id_covering_idx
on products (created_at desc, id desc)
include (vendor_id, price_minor, rating_average) where status = 'PUBLISHED';
create index products_published_price_minor_id_covering_idx
on products (price_minor, id)
include (vendor_id, created_at, rating_average, rating_count) where status = 'PUBLISHED';
create index products_published_rating_covering_idx
on products (rating_average desc, rating_count desc, id desc)
include (vendor_id, created_at, price_minor) where status = 'PUBLISHED';

drop index products_published_created_at_id_idx;
drop index products_published_price_minor_id_idx;
drop index products_published_rating_idx;
alter index products_published_created_at_id_covering_idx
rename to products_published_created_at_id_idx;
alter index products_published_price_minor_id_covering_idx
rename to products_published_price_minor_id_idx;
alter index products_published_rating_covering_idx rename to products_published_rating_idx;
