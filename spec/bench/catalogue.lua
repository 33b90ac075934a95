--- Prints SQL that fills an empty, migrated marketplace for measuring: `luajit
--- spec/bench/catalogue.lua VENDORS PRODUCTS LAYOUT`. Words come by Zipf's law from 60 000, so that
--- there are common ones, rare ones and all between; names have 4 to 7 of them, descriptions 30 to
--- 65. The same numbers give the same rows. LAYOUT tells where stock is kept: products or
--- product_stock. What triggers would do row by row is done at the end, in bulk.
package.path = "./?.lua;" .. package.path
local ffi = require("ffi")
local vocabulary = require("spec.support.vocabulary")

local VENDORS, PRODUCTS, LAYOUT = tonumber(arg[1]), tonumber(arg[2]), arg[3]
local WORDS, DRAWS = 60000, 2 ^ 20
local SHIFT = 2.7
local CATEGORIES = 56
local CITIES = 200
local SPAN_S = 27000000
local FROM_S = 1767571200
local HASH = "$2b$10$2eQRreyYoMx03SpzchatgOpCVOGjHAxqbt.Y.S.PwuOn2oiRGw9GO"

local words = vocabulary.words(WORDS)
local below = vocabulary.draw(11)
local write = function(...)
    io.stdout:write(...)
end

--- rank_at[u] of a uniform u below DRAWS is a rank by Zipf's law over n.
local function zipf(n, shift)
    local rank_at, sum, total = ffi.new("uint16_t[?]", DRAWS), 0, 0
    for rank = 1, n do
        total = total + 1 / (rank + shift)
    end
    local at = 0
    for rank = 1, n do
        sum = sum + 1 / (rank + shift)
        local till = math.min(DRAWS, math.floor(sum / total * DRAWS + 0.5))
        while at < till do
            rank_at[at], at = rank, at + 1
        end
    end
    while at < DRAWS do
        rank_at[at], at = n, at + 1
    end
    return rank_at
end

local word_rank, category_rank = zipf(WORDS, SHIFT), zipf(CATEGORIES, 0)

-- The commonest are found by the table; of the rare ones, which it cannot all hold, any.
local function draw_word()
    local rank = word_rank[below(DRAWS)]
    if rank > 20000 then
        rank = 20001 + below(WORDS - 20000)
    end
    return words[rank]
end

--- An id of version 7 of that second, different for each kind and number.
local function id(kind, number, at_s)
    return ("%08x-%04x-7%03x-8%03x-%012x"):format(
        math.floor(at_s * 1000 / 65536), at_s * 1000 % 65536, kind,
        math.floor(number / 4294967296) % 4096, number % 4294967296)
end

local function time(at_s)
    return os.date("!%Y-%m-%d %H:%M:%S+00", math.floor(at_s))
end

local function joined_s(number)
    return FROM_S + number * 10
end

local function vendor_id(number)
    return id(2, number, joined_s(number))
end

local function category_id(number)
    return id(3, number, FROM_S)
end

local function made_s(number)
    return FROM_S + number * SPAN_S / PRODUCTS
end

local function copy(into, count, row)
    write("copy ", into, " from stdin;\n")
    for number = 1, count do
        row(number)
    end
    write("\\.\n")
end

local function copy_vendors()
    copy("users (id, email, password_hash, name, role)", VENDORS, function(number)
        write(id(1, number, joined_s(number)), "\tcatalogue-", number, "@example.com\t", HASH,
            "\tVendor ", number, "\tVENDOR\n")
    end)
    local cities = {}
    for i = 1, CITIES do
        cities[i] = { below(120) - 60, below(360) - 180 }
    end
    copy("vendors (id, user_id, business_name, slug, lat_deg, lon_deg, status, created_at)",
        VENDORS, function(number)
            local city = cities[below(CITIES) + 1]
            write(vendor_id(number), "\t", id(1, number, joined_s(number)), "\tShop ", number,
                "\tshop-", number, "\t", city[1] + below(10000) / 20000, "\t",
                city[2] + below(10000) / 20000, "\tACTIVE\t", time(joined_s(number)), "\n")
        end)
end

local function copy_categories()
    copy("categories (id, parent_id, name, slug, position)", CATEGORIES, function(number)
        local parent = number > 8 and category_id((number - 1) % 8 + 1) or "\\N"
        write(category_id(number), "\t", parent, "\tCategory ", number, "\tcategory-", number, "\t",
            number, "\n")
    end)
end

local function text(count)
    local parts = {}
    for i = 1, count do
        parts[i] = draw_word()
    end
    return table.concat(parts, " ")
end

local function name_of(taken, vendor)
    local name = text(4 + below(4))
    while taken[vendor .. name] do
        name = text(4 + below(4))
    end
    taken[vendor .. name] = true
    return (name:gsub("^%l", string.upper))
end

local function status_of()
    return below(10) == 0 and "UNPUBLISHED" or "PUBLISHED"
end

local function rating()
    local count = math.max(0, below(40) - 20)
    local sum = 0
    for _ = 1, count do
        sum = sum + 1 + below(5)
    end
    return sum .. "\t" .. count
end

--- The category of one product after the other, the same each time it is begun.
local function filing()
    local drawn = vocabulary.draw(13)
    return function()
        return category_id(category_rank[drawn(DRAWS)])
    end
end

local function copy_products()
    local taken, next_category = {}, filing()
    copy("products (id, vendor_id, name, slug, description, price_minor, currency, status,"
        .. " rating_sum, rating_count, created_at, updated_at, category_ids)", PRODUCTS,
        function(number)
            local at, vendor = time(made_s(number)), below(VENDORS) + 1
            local name = name_of(taken, vendor)
            write(id(4, number, made_s(number)), "\t", vendor_id(vendor), "\t", name, "\t",
                name:lower():gsub("%s", "-"):sub(1, 60):gsub("%-$", ""), "-", number, "\t",
                text(30 + below(36)), "\t", 100 + below(200000), "\tUSD\t", status_of(), "\t",
                rating(), "\t", at, "\t", at, "\t{", next_category(), "}\n")
        end)
end

local function copy_product_categories()
    local next_category = filing()
    copy("product_categories (product_id, category_id)", PRODUCTS, function(number)
        write(id(4, number, made_s(number)), "\t", next_category(), "\n")
    end)
end

local INDEXES_OFF = [[
create temporary table catalogue_indexes as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid in ('products'::regclass, 'product_categories'::regclass)
    and not exists (select from pg_constraint where conindid = indexrelid);
do $$ declare v_name text; begin
    for v_name in select name from catalogue_indexes loop execute 'drop index ' || v_name; end loop;
end $$;
]]

local STOCK = {
    products = "update products set stock = 100;\n",
    product_stock = "insert into product_stock (product_id, stock) select id, 100 from products;\n",
}

local BULK = [[
insert into inventory_movements (product_id, kind, delta, stock_after)
select id, 'INITIAL', 100, 100 from products;
insert into product_cards (product_id, categories)
select
    product_categories.product_id,
    ('[' || row_to_json(shown)::text || ']')::json
from product_categories
inner join (select id, slug, name from categories) as shown
    on shown.id = product_categories.category_id;
set session_replication_role = origin;
select definition from catalogue_indexes \gexec
]]

write("set synchronous_commit = off;\nset maintenance_work_mem = '512MB';\n",
    "set session_replication_role = replica;\n", INDEXES_OFF)
copy_vendors()
copy_categories()
if LAYOUT == "products" then
    write("alter table products alter column stock set default 100;\n")
end
copy_products()
if LAYOUT == "products" then
    write("alter table products alter column stock set default 0;\n")
else
    write(STOCK.product_stock)
end
copy_product_categories()
-- A table that was empty when it was analyzed is planned as one that stays so.
local ANALYZE = [[
vacuum (analyze) products;
vacuum (analyze) product_categories;
vacuum (analyze) vendors;
select format('analyze %I.%I', schemaname, relname) from pg_stat_user_tables
where pg_relation_size(relid) > 0 \gexec
]]

write(BULK, ANALYZE)
