-- $1 id to go on after, $2 limit. Everybody the geo index shows, in pages by id. xmin: every
-- transaction before it is in this page's snapshot; the first page's is where changes go on from.
with page as materialized (
    select id, lat_deg, lon_deg
    from vendors
    where status = 'ACTIVE' and lat_deg is not null and id > $1::uuid
    order by id
    limit $2
)

select
    snapshot.xmin,
    page.id,
    page.lat_deg,
    page.lon_deg,
    1 | coalesce(masks.mask, 0) as mask
from (select pg_snapshot_xmin(pg_current_snapshot())::text as xmin) as snapshot
left join page on true
left join vendor_geo_masks(array(select page.id from page)) as masks on masks.vendor_id = page.id
order by page.id;
