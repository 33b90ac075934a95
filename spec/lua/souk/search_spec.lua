--- What every provider of search keeps, whoever it is: the one in PostgreSQL, and one that finds in
--- an index of its own, which may lag behind.
local database = require("spec.support.database")
local json = require("core.json")
local product_search = require("flows.product_search")
local search = require("souk.search")

local VENDOR = "00000000-0000-7000-8000-000000000002"
local OTHER = "00000000-0000-7000-8000-000000000004"

--- An index in memory: filled when told to, and then never again.
local memory = { rows = {} }

function memory.fill(own)
    memory.rows = {}
    for _, row in ipairs(own:query("select id, lower(name), price_minor, vendor_id, created_at"
        .. " from products where status = 'PUBLISHED' order by id desc")) do
        memory.rows[#memory.rows + 1] = {
            id = row[1], name = row[2], price = tonumber(row[3]), vendor = row[4], made = row[5],
        }
    end
end

local function has_words(name, words)
    for word in words:lower():gmatch("[%w\128-\255]+") do
        if not (" " .. name .. " "):find(" " .. word .. " ", 1, true) then
            return false
        end
    end
    return words:find("[%w\128-\255]") ~= nil
end

local function is_match(row, filters)
    return (not filters.q or has_words(row.name, filters.q))
        and (filters.minPrice or 0) <= row.price and row.price <= (filters.maxPrice or math.huge)
        and (not filters.vendorId or filters.vendorId == row.vendor)
end

--- Rows that match, in the order of a sort, with their key in it.
local function sorted(request)
    local found = {}
    for _, row in ipairs(memory.rows) do
        if is_match(row, request.filters) then
            row.key = request.sort == "price" and ("%015d"):format(row.price) or row.made
            found[#found + 1] = row
        end
    end
    local is_up = request.sort == "price"
    table.sort(found, function(a, b)
        if not is_up then
            a, b = b, a
        end
        return a.key < b.key or a.key == b.key and a.id < b.id
    end)
    return found, is_up
end

local function is_behind(row, after, is_up)
    if not after then
        return true
    elseif row.key == after[1] then
        return is_up and row.id > after[2] or not is_up and row.id < after[2]
    end
    return (row.key > after[1]) == is_up
end

function memory.query(request)
    local hits, found, is_up = { ids = {}, scores = {}, sorts = {} }, sorted(request)
    local skipped = 0
    for _, row in ipairs(found) do
        if is_behind(row, request.after, is_up) and #hits.ids < request.limit then
            if skipped < (request.offset or 0) then
                skipped = skipped + 1
            else
                hits.ids[#hits.ids + 1], hits.sorts[#hits.sorts + 1] = row.id, row.key
            end
        end
    end
    return hits
end

function memory.total(request)
    return #sorted(request)
end

function memory.total_max()
    return 1000
end

function memory.key(request)
    return "memory " .. json.encode(json.object(request.filters))
end

function memory.facets()
    return {}
end

function memory.suggest()
    return "[]"
end

function memory.correct()
    return nil
end

search.provide("memory", memory)

local own = database.own()

local function product(number, name, price, vendor)
    return ("('00000000-0000-7000-8000-%012d'::uuid, '%s'::uuid, '%s', 'p-%d', %d, 'USD',"
        .. " 'PUBLISHED', '2026-01-01'::timestamptz + make_interval(secs => %d))"):format(
        number, vendor or VENDOR, name, number, price, number)
end

local function insert(rows)
    return "insert into products (id, vendor_id, name, slug, price_minor, currency, status,"
        .. " created_at) values " .. table.concat(rows, ", ")
end

local function add(...)
    own:query(insert({ product(...) }))
end

local function list(query)
    query.limit = query.limit or 20
    local text, problem = product_search.list({ query = query })
    assert.is_truthy(text, problem and problem.code)
    return json.decode(tostring(text))
end

local function names(query)
    local out = {}
    for i, item in ipairs(list(query).data) do
        out[i] = item.name
    end
    return out
end

setup(function()
    for i, vendor in ipairs({ VENDOR, OTHER }) do
        own:query(([[insert into users (id, email, password_hash, name, role)
            values ('%s', 'v%d@example.com', '$2b$', 'V', 'VENDOR');
            insert into vendors (id, user_id, business_name, slug, status)
            values ('%s', '%s', 'V', 'v%d', 'ACTIVE')]]):format(vendor, i, vendor, vendor, i))
    end
    database.wait()
end)
teardown(function()
    search.use("postgres")
end)

for _, provider in ipairs({ "postgres", "memory" }) do
    describe("the search provider " .. provider, function()
        local function changed()
            memory.fill(own)
        end
        before_each(function()
            local rows = { product(10, "Blue Käse", 50) }
            for i = 1, 9 do
                rows[#rows + 1] = product(i, "Lamp " .. i, 100 * (i % 3),
                    i == 9 and OTHER or VENDOR)
            end
            own:query("delete from products; update vendors set status = 'ACTIVE'; "
                .. insert(rows))
            changed()
            search.use(provider)
        end)

        it("filters by words, price and vendor, together", function()
            assert.same({ "Lamp 4" }, names({ q = "lamp 4" }))
            assert.same({ "Lamp 3", "Lamp 6" },
                names({ q = "lamp", sort = "price", maxPrice = 0, vendorId = VENDOR }))
            assert.same({ "Lamp 9" }, names({ vendorId = OTHER, sort = "newest" }))
            assert.same({}, names({ q = "lamp", minPrice = 500, sort = "newest" }))
        end)
        it("sorts, ties by id", function()
            assert.same({ "Lamp 3", "Lamp 6", "Lamp 9", "Blue Käse", "Lamp 1" },
                names({ sort = "price", limit = 5 }))
            assert.same({ "Blue Käse", "Lamp 9" }, names({ sort = "newest", limit = 2 }))
        end)
        it("goes on behind the cursor, whatever comes and goes before it", function()
            for _, sort in ipairs({ "newest", "price" }) do
                local first = list({ q = "lamp", sort = sort, limit = 3 })
                local expected = names({ q = "lamp", sort = sort, limit = 100 })
                own:query("update products set status = 'ARCHIVED' where id = '"
                    .. first.data[1].id .. "'")
                add(sort == "price" and 90 or 91, "Lamp new", sort == "price" and 0 or 900)
                changed()
                local rest = names({
                    q = "lamp", sort = sort, cursor = first.page.nextCursor, limit = 100,
                })
                for i = 1, 6 do
                    local is_there = false
                    for _, name in ipairs(rest) do
                        is_there = is_there or name == expected[i + 3]
                    end
                    assert.is_true(is_there, sort .. " " .. expected[i + 3])
                end
                for _, name in ipairs(rest) do
                    assert.are_not.equal(first.data[3].name, name)
                end
                own:query("delete from products where name = 'Lamp new';"
                    .. "update products set status = 'PUBLISHED'")
                changed()
            end
        end)
        it("pages through all of it once", function()
            local seen, cursor, count = {}, nil, 0
            repeat
                local page = list({ q = "lamp", sort = "price", limit = 2, cursor = cursor })
                for _, item in ipairs(page.data) do
                    assert.is_nil(seen[item.id])
                    seen[item.id], count = true, count + 1
                end
                cursor = page.page.nextCursor ~= json.null and page.page.nextCursor or nil
            until not cursor
            assert.equal(9, count)
        end)
        it("takes any text: letters of all languages, nothing, operators", function()
            assert.same({ "Blue Käse" }, names({ q = "käse", sort = "newest" }))
            for _, q in ipairs({ " ", "'", "\"", "&|!", "(((", ":*", "\\", "-", "--", "\"\"", "%",
                "日本", "🍺", ("a "):rep(99), "or or or", "'; drop table products; --" }) do
                assert.same({}, names({ q = q, sort = "newest" }), q)
            end
        end)
        it("shows nothing that has gone from sale, at once, however old its index", function()
            own:query("update products set status = 'UNPUBLISHED' where name = 'Lamp 5'")
            assert.same({}, names({ q = "lamp 5", sort = "newest" }))
            own:query("update vendors set status = 'SUSPENDED' where id = '" .. OTHER .. "'")
            assert.same({}, names({ vendorId = OTHER, sort = "price" }))
            assert.equal(8, #names({ sort = "price" }))
        end)
        it("fills a page although some of its hits have gone", function()
            own:query("update products set status = 'UNPUBLISHED'"
                .. " where name in ('Lamp 9', 'Lamp 8', 'Lamp 7')")
            assert.same({ "Lamp 6", "Lamp 5" }, names({ q = "lamp", sort = "newest", limit = 2 }))
        end)
        it("shows what was published as soon as it is indexed", function()
            add(20, "Lamp new", 7)
            changed()
            assert.same({ "Lamp new" }, names({ q = "new", sort = "newest" }))
        end)
        it("counts what matches", function()
            local page = list({ q = "lamp", maxPrice = 150, minPrice = 1, sort = "price" }).page
            assert.same({ 3, true }, { page.total, page.totalIsExact })
        end)
        it("says who it was, and where the next page begins only when there may be one", function()
            local request = { filters = { q = "lamp" }, sort = "price", limit = 5,
                wants_total = true }
            local hits = search.query(request)
            assert.same({ provider, 5, 9, true },
                { hits.provider, #hits.ids, hits.total, hits.total_is_exact })
            request.after = hits.after
            hits = search.query(request)
            assert.same({ 4, nil }, { #hits.ids, hits.after })
        end)
    end)
end

describe("search.use", function()
    it("knows only providers that were made known", function()
        assert.has_error(function()
            search.use("sphinx")
        end)
    end)
end)
