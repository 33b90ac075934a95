-- How a vendor looks to clients.
drop view if exists vendor_public;
create view vendor_public as
select
    vendors.id,
    vendors.business_name as "businessName",
    vendors.slug,
    vendors.description,
    vendors.lat_deg as "location?.lat",
    vendors.lon_deg as "location?.lng",
    vendors.status,
    vendors.rating_average as "rating.average",
    vendors.rating_count as "rating.count",
    vendors.created_at as "createdAt"
from vendors;
