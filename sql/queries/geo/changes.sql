-- $1 xmin of the snapshot before, $2 id to go on after, $3 limit. Vendors whose last change of
-- place, status or categories may not have been in that snapshot: a transaction that still ran then
-- has an id of at least its xmin. Some are read twice, none is missed.
with page as materialized (
    select id, lat_deg, lon_deg, status = 'ACTIVE' and lat_deg is not null as is_shown
    from vendors
    where geo_xid >= $1::xid8 and id > $2::uuid
    order by id
    limit $3
)

select
    snapshot.xmin,
    page.id,
    page.lat_deg,
    page.lon_deg,
    page.is_shown,
    1 | coalesce(masks.mask, 0) as mask
from (select pg_snapshot_xmin(pg_current_snapshot())::text as xmin) as snapshot
left join page on true
left join vendor_geo_masks(array(select page.id from page)) as masks on masks.vendor_id = page.id
order by page.id;
