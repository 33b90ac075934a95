-- How a product looks to clients: columns are members of its JSON (core/db/result.h). product_full
-- is for its vendor and admins; product_public is what anyone sees, and no more than is for sale.
-- Every product has its product_stock: the join is a left one so that who selects none of its columns
-- does not pay for it.
drop view if exists product_public;
drop view if exists product_full;

create view product_full as
select
    products.id,
    products.version,
    products.vendor_id as "vendorId",
    vendors.id as "vendor.id",
    vendors.business_name as "vendor.businessName",
    vendors.slug as "vendor.slug",
    vendors.rating_average as "vendor.rating.average",
    vendors.rating_count as "vendor.rating.count",
    products.name,
    products.slug,
    products.description,
    products.price_minor as "price.amount",
    products.currency as "price.currency",
    product_stock.stock,
    product_stock.reserved,
    product_stock.stock - product_stock.reserved as available,
    products.status,
    products.attributes,
    coalesce(product_cards.categories, '[]') as categories,
    coalesce(product_cards.images, '[]') as images,
    products.rating_average as "rating.average",
    products.rating_count as "rating.count",
    products.created_at as "createdAt",
    products.updated_at as "updatedAt",
    vendors.status as "~vendor_status"
from products
inner join vendors on vendors.id = products.vendor_id
left join product_stock on product_stock.product_id = products.id
left join product_cards on product_cards.product_id = products.id;

create view product_public as
select
    id, version, "vendorId", "vendor.id", "vendor.businessName", "vendor.slug",
    "vendor.rating.average", "vendor.rating.count", name, slug, description, "price.amount",
    "price.currency", available, status, attributes, categories, images, "rating.average",
    "rating.count", "createdAt", "updatedAt"
from product_full
where status = 'PUBLISHED' and "~vendor_status" = 'ACTIVE';
