-- Search of published products. The text of the statement is put together from the fixed parts
-- below, so that each combination of filters gets a plan of its own and the literal status that
-- the partial indexes want; values travel as parameters only:
--   $1 query words, $2 category ids, $3 vendor, $4 lowest, $5 highest price, $6 lowest rating,
--   $7 near vendors, $8 their distances in metres, $9 $10 cursor, $11 limit, $12 offset

drop function if exists product_search(jsonb, text, text, uuid, integer, integer);
drop function if exists product_count(jsonb, integer);
drop function if exists product_facets(jsonb);

-- A category and all below it, by id or slug.
create or replace function category_ids(p_category text) returns uuid[] language sql stable as $$
    with recursive below as (
        select categories.id
        from categories
        where categories.id::text = p_category or categories.slug = p_category
        union
        select categories.id from categories inner join below on categories.parent_id = below.id
    )
    select coalesce(array_agg(below.id), '{}') from below
$$;

-- From and where of a search. filters: {q, category, vendorId, minPrice, maxPrice, inStock,
-- minRating, nearIds, nearMeters}.
create or replace function product_search_from(p_filters jsonb) returns text
language sql immutable as $$
    select 'from products inner join vendors on vendors.id = products.vendor_id'
        || case when p_filters ? 'nearIds' then
            ' inner join unnest($7, $8) as near (vendor_id, distance_m)'
            || ' on near.vendor_id = products.vendor_id'
            else '' end
        || case when p_filters ? 'inStock' then
            ' inner join product_stock on product_stock.product_id = products.id' else '' end
        || ' where products.status = ''PUBLISHED'' and vendors.status = ''ACTIVE'''
        || case when p_filters ? 'q' then
            ' and products.tsv @@ websearch_to_tsquery(''english'', $1)' else '' end
        || case when p_filters ? 'category' then
            ' and exists (select from product_categories'
            || ' where product_categories.product_id = products.id'
            || ' and product_categories.category_id = any ($2))' else '' end
        || case when p_filters ? 'vendorId' then ' and products.vendor_id = $3' else '' end
        || case when p_filters ? 'minPrice' then ' and products.price_minor >= $4' else '' end
        || case when p_filters ? 'maxPrice' then ' and products.price_minor <= $5' else '' end
        || case when p_filters ? 'minRating' then ' and products.rating_average >= $6' else '' end
        || case when p_filters @> '{"inStock": true}'
            then ' and product_stock.stock > product_stock.reserved'
            when p_filters @> '{"inStock": false}'
            then ' and product_stock.stock = product_stock.reserved'
            else '' end
$$;

-- The ids of one page, in order, with what a cursor needs. Relevance ranks the first 2000 matches:
-- ranking every match of a common word would read most of the table.
create or replace function product_search(
    p_filters jsonb, p_sort text, p_after text, p_after_id uuid, p_limit integer, p_offset integer
) returns table (id uuid, distance_m double precision, sort text, place bigint)
language plpgsql stable rows 20 as $$
declare
    -- What orders, its value from a cursor, the direction.
    v_sort constant text[] := case p_sort
        when 'newest' then array['products.created_at', '$9::timestamptz', 'desc']
        when 'price' then array['products.price_minor', '$9::bigint', 'asc']
        when '-price' then array['products.price_minor', '$9::bigint', 'desc']
        when 'rating' then array[
            'products.rating_average, products.rating_count',
            'split_part($9, '' '', 1)::numeric, split_part($9, '' '', 2)::integer', 'desc'
        ]
        when 'distance' then array['near.distance_m', '$9::float8', 'asc']
        when 'relevance' then array['products.rank', '$9::float8', 'desc']
    end;
    v_distance text := case
        when p_filters ? 'nearIds' then 'near.distance_m' else 'null::float8'
    end;
    v_from text := product_search_from(p_filters);
    v_categories uuid[];
begin
    if p_filters ? 'category' then
        v_categories := category_ids(p_filters ->> 'category');
    end if;
    if p_sort = 'relevance' then
        v_from := 'from (select products.id, ' || v_distance || ' as distance_m,'
            || ' ts_rank(products.tsv, websearch_to_tsquery(''english'', $1))::float8 as rank '
            || v_from || ' limit 2000) as products where true';
        v_distance := 'products.distance_m';
    end if;
    return query execute
        'select found.*, row_number() over () from (select products.id, ' || v_distance
        || ', concat_ws('' '', ' || v_sort[1] || ') ' || v_from
        || case when p_after_id is null then '' else
            ' and (' || v_sort[1] || ', products.id) '
            || case v_sort[3] when 'asc' then '>' else '<' end || ' (' || v_sort[2] || ', $10)' end
        || ' order by ' || replace(v_sort[1], ',', ' ' || v_sort[3] || ',') || ' ' || v_sort[3]
        || ', products.id ' || v_sort[3] || ' limit $11 offset $12) as found'
    using
        p_filters ->> 'q', v_categories, (p_filters ->> 'vendorId')::uuid,
        (p_filters ->> 'minPrice')::bigint, (p_filters ->> 'maxPrice')::bigint,
        (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid),
        array(select jsonb_array_elements_text(p_filters -> 'nearMeters')::float8),
        p_after, p_after_id, p_limit, p_offset;
end;
$$;

-- How many match, counted up to p_max.
create or replace function product_count(p_filters jsonb, p_max integer) returns integer
language plpgsql stable as $$
declare
    v_count integer;
begin
    execute
        'select count(*) from (select ' || product_search_from(p_filters) || ' limit $9) as found'
    into v_count
    using
        p_filters ->> 'q',
        case when p_filters ? 'category' then category_ids(p_filters ->> 'category') end,
        (p_filters ->> 'vendorId')::uuid, (p_filters ->> 'minPrice')::bigint,
        (p_filters ->> 'maxPrice')::bigint, (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid),
        array(select jsonb_array_elements_text(p_filters -> 'nearMeters')::float8),
        p_max;
    return v_count;
end;
$$;

-- Counts by category and vendor of the first p_max matches.
create or replace function product_facets(p_filters jsonb, p_max integer)
returns table (facet text, id uuid, slug text, name text, products integer)
language plpgsql stable as $$
begin
    return query execute
        'with found as materialized (select products.id, products.vendor_id '
        || product_search_from(p_filters) || ' limit $9)'
        || ' (select ''category'', categories.id, categories.slug, categories.name,'
        || ' count(*)::integer'
        || ' from found inner join product_categories on product_categories.product_id = found.id'
        || ' inner join categories on categories.id = product_categories.category_id'
        || ' group by categories.id order by count(*) desc, categories.name limit 50)'
        || ' union all'
        || ' (select ''vendor'', vendors.id, vendors.slug, vendors.business_name, count(*)::integer'
        || ' from found inner join vendors on vendors.id = found.vendor_id'
        || ' group by vendors.id order by count(*) desc, vendors.business_name limit 50)'
    using
        p_filters ->> 'q',
        case when p_filters ? 'category' then category_ids(p_filters ->> 'category') end,
        (p_filters ->> 'vendorId')::uuid, (p_filters ->> 'minPrice')::bigint,
        (p_filters ->> 'maxPrice')::bigint, (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid),
        array(select jsonb_array_elements_text(p_filters -> 'nearMeters')::float8),
        p_max;
end;
$$;
