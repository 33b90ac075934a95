-- What selling in a category sets in a vendor's mask of the geo index: its own bit and those of
-- all categories above it. Bit 0 is "active"; 50 bits stand for categories, so two may share one:
-- whoever filters by a bit asks the tables afterwards. lua/flows/geo_feed.lua has the same bit.
create or replace function category_geo_bit(p_id uuid) returns bigint
language sql immutable parallel safe as $$
    select 1::bigint << (1 + ('x' || right(p_id::text, 8))::bit(32)::bigint % 50)::integer
$$;

create or replace function category_geo_bits(p_id uuid) returns bigint
language sql stable as $$
    with recursive upwards as (
        select categories.id, categories.parent_id from categories where categories.id = p_id
        union
        select categories.id, categories.parent_id
        from upwards
        inner join categories on categories.id = upwards.parent_id
    )
    select bit_or(category_geo_bit(upwards.id)) from upwards
$$;
