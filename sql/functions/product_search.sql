-- Search of published products, without trusting what the planner guesses of words: a guess that is
-- wrong by a thousand reads the whole table. Everything here reads a bounded number of rows.
-- * An order that an index has and filters that it has: the index is walked till the page is full.
-- * Other filters: the first WINDOW rows in the order are looked through. That fills a page of what
--   is common, and tells how common it is. What is rarer is gathered by its own indexes, GATHERED
--   rows at most, and sorted; what is common, but not here, is looked for further.
-- * Relevance ranks RANKED matches: ranking all of a common word would read most of the table.
-- * work_mem is enough for a bitmap of millions of rows: one that has forgotten rows for pages has
--   every row of them compared.
-- No plan joins vendors: those of the rows found are looked up one by one, so their number is
-- nothing to a list.
-- The text of statements is put together from the fixed parts below, so that each combination of
-- filters has a plan of its own and the literal status that the partial indexes want; values travel
-- as parameters only:
--   $1 query words, $2 category ids, $3 vendor, $4 lowest, $5 highest price, $6 lowest rating,
--   $7 near vendors, $8 their distances in metres, $9 $10 cursor, $11 limit, $12 how many are
--   looked at

drop function if exists product_search(jsonb, text, text, uuid, integer, integer);
drop function if exists product_count(jsonb, integer);
drop function if exists product_facets(jsonb);
drop function if exists product_search_from(jsonb);

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

-- Conditions on a row of products. filters: {q, category, vendorId, minPrice, maxPrice, inStock,
-- minRating, nearIds, nearMeters}. p_served: names of those that are left out.
create or replace function product_conditions(p_filters jsonb, p_served text[]) returns text
language plpgsql immutable as $$
begin
    return (
        select coalesce(string_agg(' and ' || condition, '' order by place), '')
        from (
            values
            (1, 'q', 'products.tsv @@ websearch_to_tsquery(''english'', $1)'),
            (2, 'vendorId', 'products.vendor_id = $3'),
            (3, 'minPrice', 'products.price_minor >= $4'),
            (4, 'maxPrice', 'products.price_minor <= $5'),
            (5, 'minRating', 'products.rating_average >= $6'),
            (6, 'nearIds', 'products.vendor_id = any ($7)'),
            (7, 'category', 'exists (select from product_categories'
                ' where product_categories.product_id = products.id'
                ' and product_categories.category_id = any ($2))'),
            (8, 'inStock', '(select product_stock.stock > product_stock.reserved from product_stock'
                ' where product_stock.product_id = products.id) = '
                || coalesce(p_filters ->> 'inStock', ''))
        ) as known (place, name, condition)
        where p_filters ? name and name <> all (p_served)
    );
end;
$$;

-- Whether the vendor sells: one look by key.
create or replace function product_is_sold() returns text language sql immutable as $$
    select ' and (select vendors.status = ''ACTIVE'' from vendors'
        || ' where vendors.id = products.vendor_id)'
$$;

-- The same behind other conditions, and after them: vendors only of what matches.
create or replace function product_if_sold(p_conditions text) returns text
language sql immutable as $$
    select case
        when p_conditions = '' then product_is_sold()
        else ' and case when true' || p_conditions || ' then true' || product_is_sold()
            || ' else false end'
    end
$$;

-- What orders, its value from a cursor, the direction, the filters that its index serves.
create or replace function product_order(p_sort text) returns text[]
language sql immutable as $$
    select case p_sort
        when 'newest' then array['products.created_at', '$9::timestamptz', 'desc', 'vendorId']
        when 'price' then
            array['products.price_minor', '$9::bigint', 'asc', 'vendorId minPrice maxPrice']
        when '-price' then
            array['products.price_minor', '$9::bigint', 'desc', 'vendorId minPrice maxPrice']
        when 'rating' then array[
            'products.rating_average, products.rating_count',
            'split_part($9, '' '', 1)::numeric, split_part($9, '' '', 2)::integer', 'desc',
            'minRating'
        ]
        when 'distance' then array['products.distance_m', '$9::float8', 'asc', '']
        when 'relevance' then array['products.rank', '$9::float8', 'desc', '']
    end
$$;

-- Runs one statement of a search.
create or replace function product_run(
    p_text text, p_filters jsonb, p_after text, p_after_id uuid, p_limit integer, p_looked integer
) returns table (id uuid, distance_m double precision, sort text, looked bigint)
language plpgsql stable as $$
begin
    return query execute p_text
    using
        p_filters ->> 'q',
        case when p_filters ? 'category' then category_ids(p_filters ->> 'category') end,
        (p_filters ->> 'vendorId')::uuid,
        (p_filters ->> 'minPrice')::bigint, (p_filters ->> 'maxPrice')::bigint,
        (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid),
        array(select jsonb_array_elements_text(p_filters -> 'nearMeters')::float8),
        p_after, p_after_id, p_limit, p_looked;
end;
$$;

-- The end of a statement over rows named products: conditions, order, limit.
create or replace function product_page_of(p_from text, p_order text[], p_where text, p_looked text)
returns text language sql immutable as $$
    select 'select products.id, '
        || case when p_order[1] = 'products.distance_m' then p_order[1] else 'null::float8' end
        || ', concat_ws('' '', ' || p_order[1] || '), ' || p_looked || ' ' || p_from
        || ' where true' || p_where
        || ' order by ' || replace(p_order[1], ',', ' ' || p_order[3] || ',') || ' ' || p_order[3]
        || ', products.id ' || p_order[3] || ' limit $11'
$$;

create or replace function product_behind(p_order text[], p_after_id uuid) returns text
language sql immutable as $$
    select case when p_after_id is null then '' else
        ' and (' || p_order[1] || ', products.id) '
        || case p_order[3] when 'asc' then '>' else '<' end || ' (' || p_order[2] || ', $10)' end
$$;

-- The first $12 rows in the order, of which those that match are taken.
create or replace function product_window_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language plpgsql immutable as $$
begin
    return (
        select product_page_of(
            'from (select products.* from products where products.status = ''PUBLISHED'''
            || (
                select coalesce(string_agg(
                    product_conditions(jsonb_build_object(served, p_filters -> served), '{}'), ''
                ), '')
                from unnest(string_to_array(p_order[4], ' ')) as served
                where p_filters ? served
            )
            || product_behind(p_order, p_after_id)
            || ' order by ' || replace(p_order[1], ',', ' ' || p_order[3] || ',') || ' '
            || p_order[3]
            || ', products.id ' || p_order[3] || ' limit $12) as products',
            p_order,
            product_if_sold(product_conditions(p_filters, string_to_array(p_order[4], ' '))),
            '0::bigint'
        )
    );
end;
$$;

-- $12 matches at most, by the indexes of what they have to match, then sorted.
create or replace function product_gather_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language sql immutable as $$
    select 'with gathered as materialized (select products.id, products.vendor_id,'
        || ' products.created_at, products.price_minor, products.rating_average,'
        || ' products.rating_count'
        || case when p_order[1] = 'products.distance_m' then
            ', near.distance_m' else '' end
        || case when p_order[1] = 'products.rank' then
            ', ts_rank(products.tsv, websearch_to_tsquery(''english'', $1))::float8 as rank'
            else '' end
        || ' from products'
        || case when p_order[1] = 'products.distance_m' then
            ' inner join unnest($7, $8) as near (vendor_id, distance_m)'
            || ' on near.vendor_id = products.vendor_id' else '' end
        || ' where products.status = ''PUBLISHED'''
        || product_conditions(p_filters, '{}')
        || case when p_order[4] = '' then '' else product_behind(p_order, p_after_id) end
        || ' limit $12) '
        || product_page_of('from gathered as products', p_order,
            case when p_order[4] = '' then product_behind(p_order, p_after_id) else '' end
            || product_is_sold(), '(select count(*) from gathered)')
$$;

-- Ranks the newest $12 rows that match: for words that are everywhere.
create or replace function product_rank_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language sql immutable as $$
    select product_page_of(
        'from (select products.id, products.vendor_id,'
        || ' ts_rank(products.tsv, websearch_to_tsquery(''english'', $1))::float8 as rank'
        || ' from (select * from products where products.status = ''PUBLISHED'''
        || ' order by products.created_at desc, products.id desc limit 5 * $12) as products'
        || ' where true' || product_conditions(p_filters, '{}') || ' limit $12) as products',
        p_order, product_behind(p_order, p_after_id) || product_is_sold(), '0::bigint'
    )
$$;

-- Nearest vendors first, of each no more than a page.
create or replace function product_nearest_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language sql immutable as $$
    select product_page_of(
        'from (select listed.*, near.distance_m'
        || ' from unnest($7, $8) with ordinality as near (vendor_id, distance_m, place)'
        || ' cross join lateral (select products.id, products.vendor_id from products'
        || ' where products.vendor_id = near.vendor_id and products.status = ''PUBLISHED'''
        || product_conditions(p_filters, '{nearIds}')
        || case when p_after_id is null then '' else
            ' and (near.distance_m, products.id) > ($9::float8, $10)' end
        || ' order by products.id limit $11) as listed'
        || ' where near.place <= $12'
        || case when p_after_id is null then '' else ' and near.distance_m >= $9::float8' end
        || ') as products', p_order, product_is_sold(), '0::bigint'
    )
$$;

-- How many of the newest p_looked products match.
create or replace function product_density(p_filters jsonb, p_looked integer) returns integer
language plpgsql stable as $$
begin
    return (
        select count(*)::integer
        from product_run(
            product_window_text(
                p_filters, array['products.created_at', '$9::timestamptz', 'desc', ''], null
            ), p_filters, null, null, p_looked, p_looked)
    );
end;
$$;

-- The distances of products found in another order.
create or replace function product_metres(p_filters jsonb, p_ids uuid[]) returns double precision[]
language plpgsql stable as $$
begin
    return (
        select array_agg(
            (p_filters -> 'nearMeters' ->> (near.place - 1)::integer)::float8 order by found.place
        )
        from unnest(p_ids) with ordinality as found (id, place)
        inner join products on products.id = found.id
        inner join jsonb_array_elements_text(p_filters -> 'nearIds')
        with ordinality as near (vendor_id, place) on near.vendor_id::uuid = products.vendor_id
    );
end;
$$;

-- What is tried, one after the other, until it fills the page: W looks through the first rows in
-- the order, I is W without an end, G gathers, R ranks the newest, N goes from vendor to vendor.
create or replace function product_steps(p_filters jsonb, p_sort text) returns text[]
language plpgsql stable as $$
begin
    return (
        select case
            when p_sort = 'relevance' then
                array[case when product_density(p_filters, 500) >= 25 then 'R' else 'G' end]
            when p_sort = 'distance' and p_filters ?| array['q', 'category'] then
                array['G', 'N', 'N']
            when p_sort = 'distance' then array['N', 'N']
            when product_conditions(
                p_filters, string_to_array((product_order(p_sort))[4], ' ')
            ) = '' then array['I']
            else array['W', 'W', 'G', 'W']
        end
    );
end;
$$;

-- How many rows a step looks at; 0: it is not worth it. p_hits: what the one before gave of
-- p_wanted among p_looked.
create or replace function product_looks(
    p_steps text[], p_step integer, p_filters jsonb, p_after text, p_wanted integer,
    p_looked integer, p_hits integer
) returns integer language plpgsql stable as $$
begin
    return (
        select case
            when p_steps[p_step] = 'I' then 2147483647
            when p_steps[p_step] = 'R' or p_steps = '{G}' then 2000
            when p_steps[p_step] = 'G' then 10000
            when p_steps[p_step] = 'W' and p_step = 1 then greatest(500, 4 * p_wanted)
            when p_steps[p_step] = 'W' and p_step = 2 and p_hits < 3 then 0
            -- Twice what it should take: the walk ends when the page is full.
            when p_steps[p_step] = 'W' and p_step = 2 then
                least(p_looked::bigint * 2 * p_wanted / p_hits, 20000)
            when p_steps[p_step] = 'W' then 20000
            when p_step = cardinality(p_steps) then jsonb_array_length(p_filters -> 'nearIds')
            else 100 + (
                select count(*)::integer
                from jsonb_array_elements_text(p_filters -> 'nearMeters') as metres
                where metres::float8 < p_after::float8
            )
        end
    );
end;
$$;

-- The ids of one page, in order, with what a cursor needs.
create or replace function product_search(
    p_filters jsonb, p_sort text, p_after text, p_after_id uuid, p_limit integer, p_offset integer
) returns table (id uuid, distance_m double precision, sort text, place bigint)
language plpgsql stable rows 20
set enable_seqscan = off set work_mem = '64MB' as $$
declare
    v_order constant text[] := product_order(p_sort);
    v_steps constant text[] := product_steps(p_filters, p_sort);
    v_wanted constant integer := p_limit + p_offset;
    v_looked integer;
    v_hits integer;
    v_gathered bigint;
    v_ids uuid[];
    v_metres double precision[];
    v_sorts text[];
begin
    for v_step in 1 .. cardinality(v_steps) loop
        v_looked := product_looks(
            v_steps, v_step, p_filters, p_after, v_wanted, v_looked, v_hits
        );
        continue when v_looked = 0;
        select
            array_agg(found.id), array_agg(found.distance_m), array_agg(found.sort),
            max(found.looked)
        into v_ids, v_metres, v_sorts, v_gathered
        from product_run(
            case v_steps[v_step]
                when 'G' then product_gather_text(p_filters, v_order, p_after_id)
                when 'R' then product_rank_text(p_filters, v_order, p_after_id)
                when 'N' then product_nearest_text(p_filters, v_order, p_after_id)
                else product_window_text(p_filters, v_order, p_after_id)
            end, p_filters, p_after, p_after_id, v_wanted, v_looked) as found;
        v_hits := coalesce(cardinality(v_ids), 0);
        exit when v_hits >= v_wanted
            or v_steps[v_step] = 'G' and coalesce(v_gathered, 0) < v_looked;
    end loop;
    if p_filters ? 'nearIds' and p_sort <> 'distance' then
        v_metres := product_metres(p_filters, v_ids);
    end if;
    return query
    select found.id, found.distance_m, found.sort, found.place
    from unnest(v_ids, v_metres, v_sorts) with ordinality as found (id, distance_m, sort, place)
    where found.place > p_offset;
end;
$$;

-- Rows of products that match and whose vendors sell.
create or replace function product_matches_text(p_filters jsonb, p_columns text) returns text
language sql immutable as $$
    select 'select ' || p_columns || ' from products where products.status = ''PUBLISHED'''
        || product_conditions(p_filters, '{}')
        || ' and products.vendor_id not in (select id from vendors where status <> ''ACTIVE'')'
        || ' limit $12'
$$;

-- Whether it is quicker to look at all products than to ask an index which match.
create or replace function product_is_common(p_filters jsonb) returns boolean
language plpgsql stable as $$
begin
    return (
        select p_filters ?| array['q', 'category'] and product_density(p_filters, 500) >= 150
    );
end;
$$;

-- How many match, counted up to p_max.
create or replace function product_count(p_filters jsonb, p_max integer) returns integer
language plpgsql stable
set enable_seqscan = off set work_mem = '64MB' as $$
begin
    if product_is_common(p_filters) then
        perform set_config('enable_seqscan', 'on', true);
    end if;
    return (
        select found.looked
        from product_run(
            'select null::uuid, null::float8, null::text, count(*) from ('
            || product_matches_text(p_filters, '') || ') as found',
            p_filters, null, null, null, p_max) as found
    );
end;
$$;

-- Counts by category and vendor of the first p_max matches.
create or replace function product_facets(p_filters jsonb, p_max integer)
returns table (facet text, id uuid, slug text, name text, products integer)
language plpgsql stable
set enable_seqscan = off set work_mem = '64MB' as $$
begin
    if product_is_common(p_filters) then
        perform set_config('enable_seqscan', 'on', true);
    end if;
    return query
    with found as materialized (
        select matches.id, matches.sort::uuid as vendor_id
        from product_run(
            product_matches_text(
                p_filters, 'products.id, null::float8, products.vendor_id::text, 0::bigint'
            ), p_filters, null, null, null, p_max) as matches
    ),
    by_category as (
        select product_categories.category_id, count(*)::integer as total
        from found
        inner join product_categories on product_categories.product_id = found.id
        group by product_categories.category_id
    ),
    by_vendor as (
        select found.vendor_id, count(*)::integer as total from found group by found.vendor_id
    )
    (
        select 'category', categories.id, categories.slug, categories.name, by_category.total
        from by_category
        inner join categories on categories.id = by_category.category_id
        order by by_category.total desc, categories.name
        limit 50
    )
    union all
    (
        select 'vendor', vendors.id, vendors.slug, vendors.business_name, by_vendor.total
        from (select * from by_vendor order by total desc, vendor_id limit 50) as by_vendor
        inner join vendors on vendors.id = by_vendor.vendor_id
        order by by_vendor.total desc, vendors.business_name
    );
end;
$$;
