--- Pages of search are those of a plain sort of all that matches, whichever way they were found:
--- walking, gathering, or one after the other, which the dictionary's word decides.
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local PRODUCTS = 600
local PAGE = 100

-- All pages by their cursors, and the whole list by a sort.
local FUNCTIONS = [[
create function pages(p_filters jsonb, p_sort text, p_limit integer) returns uuid[]
language plpgsql as $$
declare
    v_ids uuid[] := '{}';
    v_page uuid[];
    v_sort text;
    v_id uuid;
begin
    loop
        select array_agg(id order by place), (array_agg(sort order by place desc))[1],
            (array_agg(id order by place desc))[1]
        into v_page, v_sort, v_id
        from product_search(p_filters, p_sort, v_sort, v_id, p_limit, 0);
        v_ids := v_ids || v_page;
        exit when coalesce(cardinality(v_page), 0) < p_limit or cardinality(v_ids) > 10000;
    end loop;
    return v_ids;
end;
$$;
create function sorted(p_filters jsonb, p_sort text) returns uuid[] language plpgsql as $$
declare
    v_ids uuid[];
begin
    execute 'select coalesce(array_agg(id order by ' || case p_sort
            when 'newest' then 'created_at desc, id desc'
            when 'price' then 'price_minor, id'
            when '-price' then 'price_minor desc, id desc'
            else 'rating_average desc, rating_count desc, id desc'
        end || '), ''{}'') from products where status = ''PUBLISHED'''
        ' and vendor_id in (select id from vendors where status = ''ACTIVE'')'
        ' and ($1 ->> ''q'' is null or tsv @@ websearch_to_tsquery(''english'', $1 ->> ''q''))'
        ' and price_minor >= coalesce(($1 ->> ''minPrice'')::bigint, 0)'
        ' and price_minor <= coalesce(($1 ->> ''maxPrice'')::bigint, 1000000000)'
        ' and rating_average >= coalesce(($1 ->> ''minRating'')::numeric, 0)'
        ' and ($1 ->> ''category'' is null or id in (select product_id from product_categories'
        ' where category_id = any(category_ids($1 ->> ''category''))))'
        ' and ($1 ->> ''inStock'' is null or id in (select product_id from product_stock'
        ' where stock > reserved))'
    into v_ids using p_filters;
    return v_ids;
end;
$$;
]]

local FILTERS = {
    '{"q": "pulkea"}', '{"q": "fulple"}', '{"q": "pulkea fulple"}',
    '{"q": "pulkea", "category": "category-3"}',
    '{"q": "pulkea", "category": "category-1", "minPrice": 50000, "maxPrice": 90000}',
    '{"category": "category-50"}',
    '{"category": "category-1", "minPrice": 50000, "maxPrice": 90000}',
    '{"q": "junso", "minPrice": 50000, "maxPrice": 90000, "inStock": true}',
    '{"minRating": 4, "inStock": true}', '{"q": "xyzzy"}', '{"minPrice": 199000}',
}

--- What the dictionary is made to say of words, and how many times as many products there seem to
--- be.
local BELIEFS = {
    { "what is so", "in_products", 1 },
    { "that words are common", "greatest(in_products, 600)", 1 },
    { "that words are common, of a thousand times as many", "in_products * 1000", 1000 },
    { "that words are rare, of a thousand times as many", "1", 1000 },
}

describe("pages of search", function()
    local db

    setup(function()
        db = database.fresh()
        shell.must(("sh spec/bench/catalogue.sh %s 20 %d"):format(shell.quote(db.url), PRODUCTS))
        db:query(FUNCTIONS)
        db:query([[
            update vendors set status = 'SUSPENDED' where slug = 'shop-3';
            update product_stock set reserved = stock where product_id in (
                select id from products order by price_minor limit 300);
            update products set price_minor = 60000 where price_minor between 60000 and 70000]])
        db:query("call term_fill()")
        db:query("vacuum analyze products")
    end)
    teardown(function()
        db:drop()
    end)

    for _, belief in ipairs(BELIEFS) do
        local name, in_products, times = unpack(belief)
        it("are those of a sort when it is believed " .. name, function()
            db:query(("begin; update terms set in_products = %s, in_names = 0; update pg_class set"
                .. " reltuples = %d where relname = 'products_published_created_at_id_idx'; commit")
                :format(in_products, PRODUCTS * times))
            local wrong = db:query(("select f, s, cardinality(pages(f, s, %d)),"
                .. " cardinality(sorted(f, s)) from unnest(array['%s']::jsonb[]) as f,"
                .. " unnest(array['newest', 'price', '-price', 'rating']) as s"
                .. " where pages(f, s, %d) <> sorted(f, s)"):format(PAGE,
                table.concat(FILTERS, "', '"), PAGE))
            assert.same({}, wrong)
        end)
    end
end)
