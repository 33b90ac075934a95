-- The masks of these vendors for the geo index; one without published products has no row.
create or replace function vendor_geo_masks(p_ids uuid[])
returns table (vendor_id uuid, mask bigint)
language sql stable as $$
    select products.vendor_id, bit_or(category_geo_bits.bits)
    from products
    inner join product_categories on product_categories.product_id = products.id
    inner join category_geo_bits() on category_geo_bits.id = product_categories.category_id
    where products.vendor_id = any(p_ids) and products.status = 'PUBLISHED'
    group by products.vendor_id
$$;

-- A vendor gains a bit when a product of it enters a category, is published, or a category moves.
-- Only gaining is stamped: a bit too many is seen through when it is used, a bit too few hides a
-- vendor.
create or replace function product_categories_stamp_geo() returns trigger language plpgsql as $$
begin
    update vendors set geo_xid = pg_current_xact_id()
    where id in (
        select products.vendor_id
        from added
        inner join products on products.id = added.product_id
        where products.status = 'PUBLISHED'
    ) and geo_xid <> pg_current_xact_id();
    return null;
end;
$$;
create or replace trigger product_categories_stamp_geo after insert on product_categories
referencing new table as added
for each statement execute function product_categories_stamp_geo();

create or replace function products_stamp_geo() returns trigger language plpgsql as $$
begin
    update vendors set geo_xid = pg_current_xact_id()
    where id = new.vendor_id and geo_xid <> pg_current_xact_id();
    return null;
end;
$$;
create or replace trigger products_stamp_geo after update of status on products
for each row when (new.status = 'PUBLISHED' and old.status <> 'PUBLISHED')
execute function products_stamp_geo();

create or replace function categories_stamp_geo() returns trigger language plpgsql as $$
begin
    with recursive below as (
        select new.id as id
        union
        select categories.id from categories inner join below on categories.parent_id = below.id
    )
    update vendors set geo_xid = pg_current_xact_id()
    where id in (
        select products.vendor_id
        from below
        inner join product_categories on product_categories.category_id = below.id
        inner join products on products.id = product_categories.product_id
        where products.status = 'PUBLISHED'
    );
    return null;
end;
$$;
create or replace trigger categories_stamp_geo after update of parent_id on categories
for each row when (new.parent_id is distinct from old.parent_id)
execute function categories_stamp_geo();
