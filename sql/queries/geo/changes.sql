-- $1 snapshot of the reading before, $2 id to go on after, $3 limit. Vendors whose last change that
-- snapshot did not see. What ran then and has committed since has an id of at least its xmin, in
-- whatever order; "above the last id seen" would lose it. The first page's snapshot is the next $1.
with page as materialized (
    select vendor_id, lat_deg, lon_deg, is_shown, mask
    from vendor_places
    where changed_xid >= pg_snapshot_xmin($1::pg_snapshot)
        and not pg_visible_in_snapshot(changed_xid, $1::pg_snapshot)
        and vendor_id > $2::uuid
    order by vendor_id
    limit $3
)

select
    now.snapshot,
    page.vendor_id as id,
    page.lat_deg,
    page.lon_deg,
    page.is_shown,
    page.mask
from (select pg_current_snapshot()::text as snapshot) as now
left join page on true
order by page.vendor_id;
