-- What the geo index of each worker holds lies apart from what a vendor says: a narrow row, so that
-- a million is read in a fraction of a second, and one that stays when its vendor is deleted, so that
-- this is seen too. Servers of before this migration read a column that is gone: they are stopped
-- first.
create table vendor_places (
    vendor_id uuid not null,
    lat_deg double precision,
    lon_deg double precision,
    is_shown boolean not null,
    mask bigint not null default 1,
    changed_xid xid8 not null default pg_current_xact_id(),
    constraint vendor_places_pkey primary key (vendor_id),
    constraint vendor_places_shown_somewhere check (
        not is_shown or (lat_deg is not null and lon_deg is not null)
    )
) with (fillfactor = 80);

insert into vendor_places (vendor_id, lat_deg, lon_deg, is_shown)
select id, lat_deg, lon_deg, status = 'ACTIVE' and lat_deg is not null
from vendors
order by id;

-- sql/functions/category_geo_bits.sql says which bits; it is not there yet.
with recursive downwards as (
    select
        categories.id,
        1::bigint << (1 + ('x' || right(categories.id::text, 8))::bit(32)::bigint % 50)::integer
            as bits
    from categories
    where categories.parent_id is null
    union all
    select
        categories.id,
        downwards.bits
        | (1::bigint << (1 + ('x' || right(categories.id::text, 8))::bit(32)::bigint % 50)::integer)
    from downwards
    inner join categories on categories.parent_id = downwards.id
),
masks as (
    select products.vendor_id, bit_or(downwards.bits) as bits
    from products
    inner join product_categories on product_categories.product_id = products.id
    inner join downwards on downwards.id = product_categories.category_id
    where products.status = 'PUBLISHED'
    group by products.vendor_id
)
update vendor_places set mask = 1 | masks.bits
from masks where masks.vendor_id = vendor_places.vendor_id;

create index vendor_places_changed_xid_vendor_id_idx on vendor_places (changed_xid, vendor_id);
-- For near (sql/functions/place_near.sql) while a worker has no index yet. Points, not cubes: a page
-- of cubes is split in quadratic time, and 2000 shops along one line took minutes.
create index vendor_places_lon_lat_idx on vendor_places
using gist (point(lon_deg, lat_deg)) where is_shown;

drop trigger vendors_stamp_geo on vendors;
drop function vendors_stamp_geo();
drop index vendors_geo_xid_id_idx;
alter table vendors drop column geo_xid;
-- What sql/functions had for that column.
drop function if exists product_categories_stamp_geo() cascade;
drop function if exists products_stamp_geo() cascade;
drop function if exists categories_stamp_geo() cascade;
drop function if exists vendor_geo_masks(uuid[]);
drop function if exists category_geo_bits();

analyze vendor_places;
