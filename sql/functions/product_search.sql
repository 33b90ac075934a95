-- Search of published products, without trusting what the planner guesses of words: a guess that is
-- wrong by a thousand reads the whole table.
-- * An order that an index has and filters that it has: the index is walked till the page is full.
-- * Other filters: walking on past what does not match is quick for what is common, gathering all
--   matches by their own indexes and sorting them for what is rare. The dictionary says how many
--   products have a word, statistics how many pass the other filters, and the first WINDOW rows of
--   the order whether that holds here. A walk that was wrong about it ends at twice what it
--   should have taken, and what matches is gathered after all.
-- * Words, categories and steps of prices are in one index: what has all of them is found in it,
--   and no other row is read.
-- * A walk by filters that an order's index includes reads the index only, and the row of a product
--   when its words are asked for.
-- * Relevance ranks RANKED matches: ranking all of a common word would read most of the table.
-- * work_mem is enough for a bitmap of millions of rows: one that has forgotten rows for pages has
--   every row of them compared.
-- * One request takes one core: a plan with helpers would take three from others.
-- * Words are compared by ts_match_vq() where no index is meant, and with a sub-select where only
--   their own is: else the planner would look through its statistics of words, which takes a
--   millisecond.
-- * Functions of one expression are in plpgsql too: one in SQL is parsed and planned anew in each
--   transaction, which was half of the time of a search for a rare word.
-- No plan joins vendors: those of the rows found are looked up one by one, or those few that do not
-- sell are left out, so their number is nothing to a list.
-- The text of statements is put together from the fixed parts below, so that each combination of
-- filters has a plan of its own and the literal status that the partial indexes want; values travel
-- as parameters only:
--   $1 query words, $2 category ids, $3 vendor, $4 lowest, $5 highest price, $6 lowest rating,
--   $7 near vendors, $8 their distances in metres, $9 $10 cursor, $11 limit, $12 how many are
--   looked at, $13 steps of prices

drop function if exists product_search(jsonb, text, text, uuid, integer, integer);
drop function if exists product_count(jsonb, integer);
drop function if exists product_facets(jsonb);
drop function if exists product_search_from(jsonb);
drop function if exists product_window_text(jsonb, text[], uuid);
drop function if exists product_steps(jsonb, text);
drop function if exists product_costs(jsonb, text);
drop function if exists product_is_common(jsonb);
drop function if exists product_guess(text, jsonb);
drop function if exists product_walk_conditions(jsonb, text[]);
drop function if exists product_walk_text(jsonb, text[], uuid);
drop function if exists product_worded(text);
drop function if exists product_advise(jsonb, integer);
drop function if exists product_looks(text[], integer, jsonb, text, integer, integer, integer);

-- A category and all below it, by id or slug.
create or replace function category_ids(p_category text) returns uuid[]
language plpgsql stable as $$
begin
    return (
        with recursive below as (
            select categories.id
            from categories
            where categories.id::text = p_category or categories.slug = p_category
            union
            select categories.id from categories inner join below on categories.parent_id = below.id
        )
        select coalesce(array_agg(below.id), '{}') from below
    );
end;
$$;

-- filters, with the ids of all categories that are meant, and the few steps that a range of prices
-- has when it narrows what the index of words finds.
create or replace function product_filters(p_filters jsonb) returns jsonb
language plpgsql stable as $$
declare
    STEPS_MAX constant integer := 10;
    v_filters jsonb := p_filters;
    v_first constant integer := product_price_step((p_filters ->> 'minPrice')::bigint);
    v_last constant integer := product_price_step((p_filters ->> 'maxPrice')::bigint);
begin
    if p_filters ? 'category' then
        v_filters := v_filters || jsonb_build_object(
            'categoryIds', to_jsonb(category_ids(p_filters ->> 'category'))
        );
    end if;
    if p_filters ?| array['q', 'category'] and v_last - v_first < STEPS_MAX then
        v_filters := v_filters || jsonb_build_object(
            'priceSteps', to_jsonb(array(select generate_series(v_first, v_last)))
        );
    end if;
    return v_filters;
end;
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
            (1, 'q', 'products.tsv @@ '
                || case when p_filters ?| array['vendorId', 'minPrice', 'maxPrice', 'minRating',
                    'inStock', 'nearIds'] then 'websearch_to_tsquery(''english'', $1)'
                else '(select websearch_to_tsquery(''english'', $1))' end),
            (2, 'vendorId', 'products.vendor_id = $3'),
            (3, 'minPrice', 'products.price_minor >= $4'),
            (4, 'maxPrice', 'products.price_minor <= $5'),
            (5, 'minRating', 'products.rating_average >= $6'),
            (6, 'nearIds', 'products.vendor_id = any ($7)'),
            (7, 'category', 'products.category_ids && $2'),
            (8, 'priceSteps', 'array[product_price_step(products.price_minor)] && $13'),
            (9, 'inStock', '(select product_stock.stock > product_stock.reserved from product_stock'
                ' where product_stock.product_id = products.id) = '
                || coalesce(p_filters ->> 'inStock', ''))
        ) as known (place, name, condition)
        where p_filters ? name and name <> all (p_served)
    );
end;
$$;

-- Whether the vendor sells: one look by key.
create or replace function product_is_sold() returns text language plpgsql immutable as $$
begin
    return ' and (select vendors.status = ''ACTIVE'' from vendors'
        || ' where vendors.id = products.vendor_id)';
end;
$$;

-- The same behind other conditions, and after them: vendors only of what matches.
create or replace function product_if_sold(p_conditions text) returns text
language plpgsql immutable as $$
begin
    return case
        when p_conditions = '' then product_is_sold()
        else ' and case when true' || p_conditions || ' then true' || product_is_sold()
            || ' else false end'
    end;
end;
$$;

-- What orders, its value from a cursor, the direction, the filters that its index serves, and how
-- long a row takes whose words are looked for, in microseconds: products lie as they were created.
create or replace function product_order(p_sort text) returns text[]
language plpgsql immutable as $$
begin
    return case p_sort
        when 'newest' then
            array['products.created_at', '$9::timestamptz', 'desc', 'vendorId', '1.3']
        when 'price' then
            array['products.price_minor', '$9::bigint', 'asc', 'vendorId minPrice maxPrice', '2.2']
        when '-price' then
            array['products.price_minor', '$9::bigint', 'desc', 'vendorId minPrice maxPrice', '2.2']
        when 'rating' then array[
            'products.rating_average, products.rating_count',
            'split_part($9, '' '', 1)::numeric, split_part($9, '' '', 2)::integer', 'desc',
            'minRating', '2.2'
        ]
        when 'distance' then array['products.distance_m', '$9::float8', 'asc', '']
        when 'relevance' then array['products.rank', '$9::float8', 'desc', '']
    end;
end;
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
        array(select jsonb_array_elements_text(p_filters -> 'categoryIds')::uuid),
        (p_filters ->> 'vendorId')::uuid,
        (p_filters ->> 'minPrice')::bigint, (p_filters ->> 'maxPrice')::bigint,
        (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid),
        array(select jsonb_array_elements_text(p_filters -> 'nearMeters')::float8),
        p_after, p_after_id, p_limit, p_looked,
        array(select jsonb_array_elements_text(p_filters -> 'priceSteps')::integer);
end;
$$;

-- The end of a statement over rows named products: conditions, order, limit. What a cursor needs is
-- written of the page's rows only.
create or replace function product_page_of(p_from text, p_order text[], p_where text, p_looked text)
returns text language plpgsql immutable as $$
begin
    return 'select products.id, '
        || case when p_order[1] = 'products.distance_m' then p_order[1] else 'null::float8' end
        || ', concat_ws('' '', ' || p_order[1] || '), ' || p_looked
        || ' from (select products.id, ' || p_order[1] || ' ' || p_from
        || ' where true' || p_where
        || ' order by ' || replace(p_order[1], ',', ' ' || p_order[3] || ',') || ' ' || p_order[3]
        || ', products.id ' || p_order[3] || ' limit $11) as products';
end;
$$;

create or replace function product_behind(p_order text[], p_after_id uuid) returns text
language plpgsql immutable as $$
begin
    return case when p_after_id is null then '' else
        ' and (' || p_order[1] || ', products.id) '
        || case p_order[3] when 'asc' then '>' else '<' end || ' (' || p_order[2] || ', $10)' end;
end;
$$;

-- The filters among p_filters that p_served names.
create or replace function product_served(p_filters jsonb, p_served text) returns jsonb
language plpgsql immutable as $$
begin
    return (
        select coalesce(jsonb_object_agg(name, p_filters -> name), '{}')
        from unnest(string_to_array(p_served, ' ')) as name
        where p_filters ? name
    );
end;
$$;

-- What a row of the order has to match: what its index includes, then what is one look by key, the
-- words last. Words alone are looked for in the rows themselves. p_is_hashed: the ids of a category
-- are read first, which is worth it before a long walk.
create or replace function product_walk_conditions(
    p_filters jsonb, p_served text[], p_is_hashed boolean
) returns text language plpgsql immutable as $$
declare
    v_cheap constant text := product_conditions(
        p_filters, p_served || array['q', 'category', 'priceSteps', 'inStock']
    ) || case
        when not p_filters ? 'category' then ''
        when p_is_hashed then ' and products.id in (select product_categories.product_id'
            ' from product_categories where product_categories.category_id = any ($2))'
        else ' and coalesce((select true from product_categories'
            ' where product_categories.product_id = products.id'
            ' and product_categories.category_id = any ($2) limit 1), false)'
    end || product_conditions(product_served(p_filters, 'inStock'), '{}');
begin
    return case
        when not p_filters ? 'q' then v_cheap
        when v_cheap = '' then
            ' and ts_match_vq(products.tsv, websearch_to_tsquery(''english'', $1))'
        else ' and case when true' || v_cheap || ' then (select'
            || ' ts_match_vq(worded.tsv, websearch_to_tsquery(''english'', $1))'
            || ' from products as worded where worded.id = products.id) else false end'
    end;
end;
$$;

-- The first $12 rows in the order, of which those that match are taken.
create or replace function product_walk_text(
    p_filters jsonb, p_order text[], p_after_id uuid, p_is_hashed boolean
) returns text language plpgsql immutable as $$
begin
    return product_page_of(
        'from (select products.* from products where products.status = ''PUBLISHED'''
        || product_conditions(product_served(p_filters, p_order[4]), '{}')
        || product_behind(p_order, p_after_id)
        || ' order by ' || replace(p_order[1], ',', ' ' || p_order[3] || ',') || ' '
        || p_order[3]
        || ', products.id ' || p_order[3] || ' limit $12) as products',
        p_order,
        product_if_sold(product_walk_conditions(
            p_filters, string_to_array(p_order[4], ' '), p_is_hashed
        )),
        '0::bigint'
    );
end;
$$;

-- Vendors that do not sell are few, and those of many rows are not looked up one by one.
create or replace function product_of_sellers() returns text language plpgsql immutable as $$
begin
    return ' and products.vendor_id not in (select id from vendors where status <> ''ACTIVE'')';
end;
$$;

-- What matches, by the indexes of what it has to match, then sorted: all, for an order that the
-- table has; $12 rows at most, and how many they are, for the nearest; $12 at most to be ranked.
create or replace function product_gather_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language plpgsql immutable as $$
begin
    return (
        select case
            when p_order[1] = 'products.distance_m' then
                'with gathered as materialized (select products.id, products.vendor_id,'
                || ' near.distance_m from products inner join unnest($7, $8)'
                || ' as near (vendor_id, distance_m) on near.vendor_id = products.vendor_id'
                || conditions || ' limit $12) '
                || product_page_of('from gathered as products', p_order, behind || sold,
                    '(select count(*) from gathered)')
            when p_order[1] = 'products.rank' then product_page_of(
                'from (select products.id, products.vendor_id, ts_rank(products.tsv,'
                || ' websearch_to_tsquery(''english'', $1))::float8 as rank from products'
                || conditions || ' limit $12) as products', p_order, behind || sold, '0::bigint')
            else product_page_of(
                'from (select products.id, products.vendor_id, ' || p_order[1] || ' from products'
                || conditions || behind || ' offset 0) as products', p_order, sold, '0::bigint')
        end
        from (
            select
                ' where products.status = ''PUBLISHED''' || product_conditions(p_filters, '{}')
                    as conditions,
                product_behind(p_order, p_after_id) as behind,
                product_of_sellers() as sold
        ) as parts
    );
end;
$$;

-- Ranks the newest $12 rows that match: for words that are everywhere.
create or replace function product_rank_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language plpgsql immutable as $$
begin
    return product_page_of(
        'from (select products.id, products.vendor_id,'
        || ' ts_rank(products.tsv, websearch_to_tsquery(''english'', $1))::float8 as rank'
        || ' from (select * from products where products.status = ''PUBLISHED'''
        || ' order by products.created_at desc, products.id desc limit 5 * $12) as products'
        || ' where true' || product_walk_conditions(p_filters, '{}', false)
        || ' limit $12) as products',
        p_order, product_behind(p_order, p_after_id) || product_of_sellers(), '0::bigint'
    );
end;
$$;

-- Nearest vendors first, of each no more than a page.
create or replace function product_nearest_text(p_filters jsonb, p_order text[], p_after_id uuid)
returns text language plpgsql immutable as $$
begin
    return product_page_of(
        'from (select listed.*, near.distance_m'
        || ' from unnest($7, $8) with ordinality as near (vendor_id, distance_m, place)'
        || ' cross join lateral (select products.id, products.vendor_id from products'
        || ' where products.vendor_id = near.vendor_id and products.status = ''PUBLISHED'''
        || product_conditions(p_filters, '{nearIds,priceSteps}')
        || case when p_after_id is null then '' else
            ' and (near.distance_m, products.id) > ($9::float8, $10)' end
        || ' order by products.id limit $11) as listed'
        || ' where near.place <= $12'
        || case when p_after_id is null then '' else ' and near.distance_m >= $9::float8' end
        || ') as products', p_order, product_is_sold(), '0::bigint'
    );
end;
$$;

-- How many of the newest p_looked products match.
create or replace function product_density(p_filters jsonb, p_looked integer) returns integer
language plpgsql stable as $$
begin
    return (
        select count(*)::integer
        from product_run(
            product_walk_text(
                p_filters, array['products.created_at', '$9::timestamptz', 'desc', ''], null, false
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

-- How many rows the planner takes a statement to have: of plain columns, never of words. Volatile
-- because nothing else may ask for a plan.
create or replace function product_guess(p_from text, p_filters jsonb) returns float8
language plpgsql volatile as $$
declare
    v_plan json;
begin
    execute 'explain (format json) select from ' || p_from into v_plan
    using
        null::text, array(select jsonb_array_elements_text(p_filters -> 'categoryIds')::uuid),
        (p_filters ->> 'vendorId')::uuid,
        (p_filters ->> 'minPrice')::bigint, (p_filters ->> 'maxPrice')::bigint,
        (p_filters ->> 'minRating')::numeric,
        array(select jsonb_array_elements_text(p_filters -> 'nearIds')::uuid);
    return (v_plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
end;
$$;

-- How many products are on sale, as the last vacuum or analyze counted them.
create or replace function product_number() returns float8 language plpgsql stable as $$
begin
    return (
        select greatest(reltuples, 1)
        from pg_class
        where oid = 'products_published_created_at_id_idx'::regclass
    );
end;
$$;

-- Which share of them has all the words, if words come independently of one another, and which has
-- the rarest. What the dictionary does not tell, of numbers and phrases and what is new, is taken
-- to be rare.
create or replace function product_worded(p_q text, out share float8, out rarest float8)
language plpgsql stable as $$
declare
    UNKNOWN constant float8 := 0.001;
    v_query constant text := websearch_to_tsquery('english', p_q)::text;
    v_number constant float8 := product_number();
begin
    if v_query !~ '^''[[:alnum:]]+''( & ''[[:alnum:]]+'')*$' then
        share := UNKNOWN;
        rarest := UNKNOWN;
        return;
    end if;
    select exp(sum(ln(word.share))), min(word.share)
    into share, rarest
    from unnest(string_to_array(translate(v_query, ''' ', ''), '&')) as lexeme
    cross join lateral (
        select least(1, coalesce(sum(terms.in_products) / v_number, UNKNOWN)) as share
        from terms
        where terms.stem = lexeme
    ) as word;
end;
$$;

-- What a search will take, in microseconds: walking, a row, of which that share matches; asking for
-- the category of those that have passed the rest, which are that share of the rows, or reading the
-- whole category before; gathering by the rarest filter that an index has.
create or replace function product_costs(
    p_filters jsonb, p_served text, p_row_us float8,
    out share float8, out walked_us float8, out asked float8, out filed_us float8,
    out gathered_us float8
) language plpgsql stable as $$
declare
    MATCH_US constant float8 := 3.0;
    PLAIN constant text := 'vendorId minPrice maxPrice minRating nearIds';
    ON_SALE constant text := 'products where products.status = ''PUBLISHED''';
    v_number constant float8 := product_number();
    v_plain constant jsonb := product_served(p_filters, PLAIN);
    v_served constant jsonb := product_served(p_filters, p_served);
    v_has_words constant boolean := p_filters ? 'q';
    v_words float8 := 1;
    v_rarest float8 := 1;
    v_found float8 := v_number;
    v_walked float8 := v_number;
    v_filed float8 := v_number;
begin
    if v_has_words then
        select worded.share, worded.rarest into v_words, v_rarest
        from product_worded(p_filters ->> 'q') as worded;
    end if;
    if v_plain <> '{}' then
        v_found := product_guess(ON_SALE || product_conditions(v_plain, '{}'), p_filters);
        v_walked := case
            when v_plain = v_served then v_found
            when v_served = '{}' then v_number
            else product_guess(ON_SALE || product_conditions(v_served, '{}'), p_filters)
        end;
    end if;
    if p_filters ? 'category' then
        v_filed := product_guess('product_categories where category_id = any ($2)', p_filters);
    end if;
    asked := least(1, v_found / greatest(v_walked, 1));
    share := asked * least(1, v_filed / v_number);
    filed_us := case when p_filters ? 'category' then 0.3 * v_filed else 0 end;
    walked_us := case
        when v_has_words and share = 1 and not p_filters ?| array['category', 'inStock']
            then p_row_us
        else 0.5
            + case when p_filters ? 'inStock' then 1.5 * share else 0 end
            + case when v_has_words then 3.5 * share else 0 end
    end;
    gathered_us := least(
        2.2 * v_found,
        0.1 * least(v_number * v_rarest, v_filed) + MATCH_US * v_filed * v_words * case
            when p_filters ? 'priceSteps' then least(1, 2.5 * v_found / v_number) else 1
        end
    );
    -- Indexes of what is asked for include the rest.
    if not p_filters ?| array['q', 'category', 'vendorId', 'nearIds', 'inStock'] then
        gathered_us := least(gathered_us, 0.5 * v_found);
    end if;
    share := share * v_words;
end;
$$;

-- A page by walking in the order, and when that would take long by gathering.
create or replace function product_ordered(
    p_filters jsonb, p_order text[], p_after text, p_after_id uuid, p_wanted integer,
    out ids uuid[], out metres float8[], out sorts text[]
) language plpgsql stable as $$
declare
    WINDOW_ROWS constant integer := 500;
    -- Gathering is over before a window would be.
    WINDOW_US constant float8 := 1000;
    WALK_RISK constant float8 := 1.2;
    -- The guess is as good as that many hits seen.
    GUESS_HITS constant float8 := 8;
    ALL_ROWS constant integer := 2147483647;
    v_costs record;
    v_limits integer[] := array[ALL_ROWS];
    v_limit integer;
    v_hits integer;
    v_share float8;
    v_rows float8;
    v_is_hashed boolean := false;
begin
    if product_conditions(p_filters, string_to_array(p_order[4], ' ')) <> '' then
        select * into v_costs from product_costs(p_filters, p_order[4], p_order[5]::float8);
        v_limits := case
            when v_costs.gathered_us < WINDOW_US then array[]::integer[]
            else array[WINDOW_ROWS, null]
        end;
    end if;
    foreach v_limit in array v_limits loop
        if v_limit is null then
            v_hits := cardinality(ids);
            v_share := (v_hits + GUESS_HITS)
                / (WINDOW_ROWS + GUESS_HITS / greatest(v_costs.share, 1e-6));
            v_rows := p_wanted / v_share;
            v_is_hashed := v_costs.filed_us < v_rows * v_costs.asked;
            -- A walk may be longer; gathering is of no fewer than there surely are.
            exit when WALK_RISK * (v_rows * v_costs.walked_us
                + least(v_costs.filed_us, v_rows * v_costs.asked)) > greatest(
                    v_costs.gathered_us,
                    3.0 * product_number() * (v_hits - 2 * sqrt(v_hits)) / WINDOW_ROWS
                );
            v_limit := least(2 * v_rows, ALL_ROWS);
        end if;
        select coalesce(array_agg(found.id), '{}'), array_agg(found.sort)
        into ids, sorts
        from product_run(
            product_walk_text(p_filters, p_order, p_after_id, v_is_hashed),
            p_filters, p_after, p_after_id, p_wanted, v_limit
        ) as found;
        if cardinality(ids) >= p_wanted or v_limit = ALL_ROWS then
            return;
        end if;
    end loop;
    select array_agg(found.id), array_agg(found.sort)
    into ids, sorts
    from product_run(
        product_gather_text(p_filters, p_order, p_after_id), p_filters, p_after, p_after_id,
        p_wanted, null
    ) as found;
end;
$$;

-- A page of the nearest: what is rare is gathered; else vendors are asked one after the other, a
-- hundred of them first, then all.
create or replace function product_nearest(
    p_filters jsonb, p_order text[], p_after text, p_after_id uuid, p_wanted integer,
    out ids uuid[], out metres float8[], out sorts text[]
) language plpgsql stable as $$
declare
    GATHERED_MAX constant integer := 10000;
    FEW constant integer := 100;
    v_vendors constant integer := jsonb_array_length(p_filters -> 'nearIds');
    v_limit integer;
    v_gathered bigint;
begin
    foreach v_limit in array array[0, FEW, v_vendors] loop
        continue when v_limit = 0 and not p_filters ?| array['q', 'category'];
        if v_limit = FEW then
            v_limit := FEW + (
                select count(*)
                from jsonb_array_elements_text(p_filters -> 'nearMeters') as near (distance_m)
                where near.distance_m::float8 < p_after::float8
            );
        end if;
        select
            array_agg(found.id), array_agg(found.distance_m), array_agg(found.sort),
            max(found.looked)
        into ids, metres, sorts, v_gathered
        from product_run(
            case
                when v_limit = 0 then product_gather_text(p_filters, p_order, p_after_id)
                else product_nearest_text(p_filters, p_order, p_after_id)
            end, p_filters, p_after, p_after_id, p_wanted,
            coalesce(nullif(v_limit, 0), GATHERED_MAX)
        ) as found;
        exit when case
            when v_limit = 0 then coalesce(v_gathered, 0) < GATHERED_MAX
            else cardinality(ids) >= p_wanted
        end;
    end loop;
end;
$$;

-- A page of the best of RANKED_MAX matches.
create or replace function product_ranked(
    p_filters jsonb, p_order text[], p_after text, p_after_id uuid, p_wanted integer,
    out ids uuid[], out metres float8[], out sorts text[]
) language plpgsql stable as $$
declare
    RANKED_MAX constant integer := 2000;
begin
    select array_agg(found.id), array_agg(found.sort)
    into ids, sorts
    from product_run(
        case
            when product_density(p_filters, 500) >= 25 then
                product_rank_text(p_filters, p_order, p_after_id)
            else product_gather_text(p_filters, p_order, p_after_id)
        end, p_filters, p_after, p_after_id, p_wanted, RANKED_MAX
    ) as found;
end;
$$;

-- The ids of one page, in order, with what a cursor needs.
create or replace function product_search(
    p_filters jsonb, p_sort text, p_after text, p_after_id uuid, p_limit integer, p_offset integer
) returns table (id uuid, distance_m double precision, sort text, place bigint)
language plpgsql stable rows 20
set enable_seqscan = off set max_parallel_workers_per_gather = 0 set work_mem = '64MB' as $$
declare
    v_filters constant jsonb := product_filters(p_filters);
    v_order constant text[] := product_order(p_sort);
    v_wanted constant integer := p_limit + p_offset;
    v_page record;
begin
    if p_sort = 'distance' then
        select * into v_page
        from product_nearest(v_filters, v_order, p_after, p_after_id, v_wanted);
    elsif p_sort = 'relevance' then
        select * into v_page
        from product_ranked(v_filters, v_order, p_after, p_after_id, v_wanted);
    else
        select * into v_page
        from product_ordered(v_filters, v_order, p_after, p_after_id, v_wanted);
    end if;
    if p_filters ? 'nearIds' and p_sort <> 'distance' then
        v_page.metres := product_metres(p_filters, v_page.ids);
    end if;
    return query
    select found.id, found.distance_m, found.sort, found.place
    from unnest(v_page.ids, v_page.metres, v_page.sorts)
    with ordinality as found (id, distance_m, sort, place)
    where found.place > p_offset;
end;
$$;

-- Rows of products that match; whether their vendors sell, and how many, stands behind.
create or replace function product_matches_text(p_filters jsonb, p_columns text) returns text
language plpgsql immutable as $$
begin
    return 'select ' || p_columns || ' from products where products.status = ''PUBLISHED'''
        || product_conditions(p_filters, '{}');
end;
$$;

-- Whether p_max matches are found sooner by walking the newest products than by asking an index for
-- all that match, of which only the first are read. How many match: what the newest show, beside as
-- many rows of the guess as hold ten.
create or replace function product_is_common(p_filters jsonb, p_max integer) returns boolean
language plpgsql stable as $$
declare
    WINDOW_ROWS constant integer := 500;
    v_number constant float8 := product_number();
    v_guess float8;
    v_rarest float8 := 0;
    v_share float8;
begin
    if not p_filters ?| array['q', 'category'] then
        return false;
    end if;
    select costs.share into v_guess from product_costs(p_filters, '', 0) as costs;
    if p_filters ? 'q' then
        select worded.rarest into v_rarest from product_worded(p_filters ->> 'q') as worded;
    end if;
    v_share := (product_density(p_filters, WINDOW_ROWS) + 10)
        / (WINDOW_ROWS + 10 / greatest(v_guess, 1e-6));
    return 1.1 * p_max / v_share
        < 0.1 * v_number * greatest(v_rarest - v_share, 0) + 0.5 * v_number * v_share + 2.0 * p_max;
end;
$$;

-- The first $12 rows that match, of vendors that sell: the newest of what is common.
create or replace function product_first_text(p_filters jsonb, p_columns text, p_max integer)
returns text language plpgsql stable as $$
begin
    if not product_is_common(p_filters, p_max) then
        return product_matches_text(p_filters, p_columns) || product_of_sellers() || ' limit $12';
    end if;
    return product_matches_text(p_filters - '{q,priceSteps}'::text[], p_columns)
        || case when p_filters ? 'q' then
            ' and ts_match_vq(products.tsv, websearch_to_tsquery(''english'', $1))' else '' end
        || product_of_sellers()
        || ' order by products.created_at desc, products.id desc limit $12';
end;
$$;

-- Whether there are certainly more than p_max: the dictionary and the statistics say twice as many,
-- and of the newest products no fewer match than then would; or they say a third more, and of many
-- of the newest so many match that chance (two standard deviations) is no reason. What they cannot
-- tell is counted.
create or replace function product_exceeds(p_filters jsonb, p_max integer) returns boolean
language plpgsql stable as $$
declare
    WINDOW_ROWS constant integer := 500;
    MANY_ROWS constant integer := 4000;
    v_number constant float8 := product_number();
    v_guess float8;
    v_hits float8;
begin
    if v_number < 4.0 / 3 * p_max then
        return false;
    end if;
    v_guess := (select share from product_costs(p_filters, '', 0)) * v_number;
    if v_guess >= 2.0 * p_max
        and product_density(p_filters, WINDOW_ROWS) * v_number / WINDOW_ROWS > p_max then
        return true;
    elsif v_guess < 4.0 / 3 * p_max then
        return false;
    end if;
    v_hits := product_density(p_filters, MANY_ROWS);
    return (v_hits - 2 * sqrt(v_hits)) * v_number / MANY_ROWS > p_max;
end;
$$;

-- How many rows a statement finds.
create or replace function product_counted(p_text text, p_filters jsonb, p_max integer)
returns integer language plpgsql stable as $$
begin
    return (
        select found.looked::integer
        from product_run(
            'select null::uuid, null::float8, null::text, count(*) from ('
            || p_text || ') as found',
            p_filters, null, null, null, p_max
        ) as found
    );
end;
$$;

-- How many match, counted up to p_max. What the index of words has all of is counted without a look
-- at rows: all of it, less the few whose vendors do not sell.
create or replace function product_count(p_filters jsonb, p_max integer) returns integer
language plpgsql stable
set enable_seqscan = off set max_parallel_workers_per_gather = 0 set work_mem = '64MB' as $$
declare
    v_filters constant jsonb := product_filters(p_filters);
    v_matches constant text := product_matches_text(v_filters, '');
    v_hidden integer := 0;
begin
    if product_exceeds(v_filters, p_max) then
        return p_max;
    elsif v_filters = '{}' or v_filters - '{q,category,categoryIds}'::text[] <> '{}' then
        return product_counted(product_first_text(v_filters, '', p_max), v_filters, p_max);
    elsif exists (select from vendors where status <> 'ACTIVE') then
        v_hidden := product_counted(
            v_matches || ' and products.vendor_id = any ('
            || 'array(select id from vendors where status <> ''ACTIVE''))', v_filters, null
        );
    end if;
    return product_counted(v_matches || ' limit $12', v_filters, p_max + v_hidden) - v_hidden;
end;
$$;

-- Counts by category and vendor of the first p_max matches.
create or replace function product_facets(p_filters jsonb, p_max integer)
returns table (facet text, id uuid, slug text, name text, products integer)
language plpgsql stable
set enable_seqscan = off set max_parallel_workers_per_gather = 0 set work_mem = '64MB' as $$
declare
    SHOWN constant integer := 50;
    v_filters constant jsonb := product_filters(p_filters);
begin
    return query
    with counted as materialized (
        select counts.sort as facet, counts.id, counts.looked::integer as total
        from product_run(
            'with found as materialized ('
            || product_first_text(v_filters, 'products.vendor_id, products.category_ids', p_max)
            || ') select filed.id, null::float8, ''category'', count(*)'
            || ' from (select unnest(found.category_ids) as id from found) as filed'
            || ' group by filed.id'
            || ' union all select found.vendor_id, null, ''vendor'', count(*)'
            || ' from found group by found.vendor_id',
            v_filters, null, null, null, p_max
        ) as counts
    )
    (
        select 'category', categories.id, categories.slug, categories.name, counted.total
        from counted
        inner join categories on categories.id = counted.id
        where counted.facet = 'category'
        order by counted.total desc, categories.name
        limit SHOWN
    )
    union all
    (
        select 'vendor', vendors.id, vendors.slug, vendors.business_name, most.total
        from (
            select * from counted where counted.facet = 'vendor'
            order by counted.total desc, counted.id limit SHOWN
        ) as most
        inner join vendors on vendors.id = most.id
        order by most.total desc, vendors.business_name
    );
end;
$$;
