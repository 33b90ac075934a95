-- Keeps vendor_places equal to what it is made from. changed_xid says by whom a row was changed last,
-- also when only what an answer shows of the vendor has changed: workers that keep either follow it
-- (sql/queries/geo/changes.sql).
create or replace function vendors_keep_place() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        update vendor_places set is_shown = false, changed_xid = pg_current_xact_id()
        where vendor_id = old.id;
        return null;
    end if;
    if tg_op = 'UPDATE' and (
        new.lat_deg, new.lon_deg, new.status, new.business_name, new.slug, new.description,
        new.rating_sum, new.rating_count
    ) is not distinct from (
        old.lat_deg, old.lon_deg, old.status, old.business_name, old.slug, old.description,
        old.rating_sum, old.rating_count
    ) then
        return null;
    end if;
    insert into vendor_places (vendor_id, lat_deg, lon_deg, is_shown)
    values (new.id, new.lat_deg, new.lon_deg, new.status = 'ACTIVE' and new.lat_deg is not null)
    on conflict (vendor_id) do update set
        lat_deg = excluded.lat_deg,
        lon_deg = excluded.lon_deg,
        is_shown = excluded.is_shown,
        changed_xid = excluded.changed_xid;
    return null;
end;
$$;
create or replace trigger vendors_keep_place after insert or update or delete on vendors
for each row execute function vendors_keep_place();

-- A vendor gains bits when a product of it enters a category, is published, or a category moves.
-- They are only gained here: a bit too many is seen through when it is used, a bit too few hides a
-- vendor.
create or replace function vendor_place_gain(p_vendor_id uuid, p_bits bigint) returns void
language sql as $$
    update vendor_places set mask = mask | p_bits, changed_xid = pg_current_xact_id()
    where vendor_id = p_vendor_id and mask & p_bits <> p_bits
$$;

create or replace function product_categories_keep_place() returns trigger language plpgsql as $$
begin
    perform vendor_place_gain(gains.vendor_id, gains.bits)
    from (
        select products.vendor_id, bit_or(entered.bits) as bits
        from (
            select distinct_ids.category_id, category_geo_bits(distinct_ids.category_id) as bits
            from (select distinct category_id from added) as distinct_ids
        ) as entered
        inner join added on added.category_id = entered.category_id
        inner join products on products.id = added.product_id
        where products.status = 'PUBLISHED'
        group by products.vendor_id
        order by products.vendor_id
    ) as gains;
    return null;
end;
$$;
create or replace trigger product_categories_keep_place after insert on product_categories
referencing new table as added
for each statement execute function product_categories_keep_place();

create or replace function products_keep_place() returns trigger language plpgsql as $$
begin
    perform vendor_place_gain(new.vendor_id, gains.bits)
    from (
        select bit_or(category_geo_bits(product_categories.category_id)) as bits
        from product_categories
        where product_categories.product_id = new.id
    ) as gains
    where gains.bits is not null;
    return null;
end;
$$;
create or replace trigger products_keep_place after update of status on products
for each row when (new.status = 'PUBLISHED' and old.status <> 'PUBLISHED')
execute function products_keep_place();

create or replace function categories_keep_place() returns trigger language plpgsql as $$
begin
    perform vendor_place_gain(gains.vendor_id, gains.bits)
    from (
        with recursive below as (
            select new.id as id
            union
            select categories.id from categories inner join below on categories.parent_id = below.id
        )
        select distinct products.vendor_id, category_geo_bits(new.id) as bits
        from below
        inner join product_categories on product_categories.category_id = below.id
        inner join products on products.id = product_categories.product_id
        where products.status = 'PUBLISHED'
        order by products.vendor_id
    ) as gains;
    return null;
end;
$$;
create or replace trigger categories_keep_place after update of parent_id on categories
for each row when (new.parent_id is distinct from old.parent_id)
execute function categories_keep_place();
