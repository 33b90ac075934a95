-- How a product looks to clients: columns are members of its JSON (core/db/result.h). product_full
-- is for its vendor and admins; product_public is what anyone sees, and no more than is for sale.
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
    products.stock,
    products.reserved,
    products.stock - products.reserved as available,
    products.status,
    products.attributes,
    (
        select coalesce(
            json_agg(
                json_build_object(
                    'id', categories.id, 'slug', categories.slug, 'name', categories.name
                )
                order by categories.name, categories.id
            ), '[]'
        )
        from product_categories
        inner join categories on categories.id = product_categories.category_id
        where product_categories.product_id = products.id
    ) as categories,
    (
        select coalesce(
            json_agg(
                json_build_object(
                    'id', product_images.id, 'url', product_images.url,
                    'alt', product_images.alt, 'position', product_images.position
                )
                order by product_images.position
            ), '[]'
        )
        from product_images
        where product_images.product_id = products.id
    ) as images,
    products.rating_average as "rating.average",
    products.rating_count as "rating.count",
    products.created_at as "createdAt",
    products.updated_at as "updatedAt",
    vendors.status as "~vendor_status"
from products
inner join vendors on vendors.id = products.vendor_id;

create view product_public as
select
    id, version, "vendorId", "vendor.id", "vendor.businessName", "vendor.slug",
    "vendor.rating.average", "vendor.rating.count", name, slug, description, "price.amount",
    "price.currency", available, status, attributes, categories, images, "rating.average",
    "rating.count", "createdAt", "updatedAt"
from product_full
where status = 'PUBLISHED' and "~vendor_status" = 'ACTIVE';
