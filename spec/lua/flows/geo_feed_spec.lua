-- The feed against the real table: what is announced is found, what commits late is not lost, and a
-- category is exact although the index knows it by a shared bit only.
local clock = require("core.clock")
local core_db = require("core.db")
local crypto = require("core.crypto")
local database = require("spec.support.database")
local db = require("souk.db")
local geo = require("core.geo")
local parallel = require("core.parallel")
local shared = require("core.shared")
local sleep = require("core.sleep")

local ACTIVE = 1

local sql = database.own()
local geo_feed

--- The feed as a worker has it after a reload: the index stays, what Lua knew is gone.
local function new_generation()
    package.loaded["flows.geo_feed"] = nil
    geo_feed = require("flows.geo_feed")
end

--- The feed as a worker has it at its start.
local function new_worker()
    geo.clear()
    geo.cursor(nil)
    new_generation()
end

local function empty()
    sql:query([[delete from product_categories; delete from products; delete from categories;
        delete from vendors; delete from users; delete from vendor_places]])
end

--- Runs fn as if so much time had gone by since.
local function later(us, fn)
    local monotonic_us = clock.monotonic_us
    clock.monotonic_us = function()
        return monotonic_us() + us
    end
    finally(function()
        clock.monotonic_us = monotonic_us
    end)
    fn()
end

--- Vendors number 1..count, all ACTIVE, at (number / 1000, number / 500).
local function add_vendors(count)
    sql:query(([[
        insert into users (id, email, password_hash, name, role)
        select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            'vendor' || n || '@example.com', '$2b$10$x', 'Vendor', 'VENDOR'
        from generate_series(1, %d) as n;
        insert into vendors (id, user_id, business_name, slug, status, lat_deg, lon_deg)
        select id, id, 'Shop', 'shop-' || n, 'ACTIVE', n / 1000.0, n / 500.0
        from users, lateral (select ('x' || right(id::text, 8))::bit(32)::integer as n) as numbered
    ]]):format(count))
end

local function id_of(number)
    return ("01900000-0000-7000-8000-%012x"):format(number)
end

local function change(number, set)
    sql:query(("update vendors set %s where id = '%s'"):format(set, id_of(number)))
end

local function ids_near(query)
    local hits, problem = geo_feed.nearby(query)
    assert.is_nil(problem)
    local ids = {}
    for i, hit in ipairs(hits) do
        ids[i] = hit.id
    end
    return ids
end

local function at_place_of(number)
    return ids_near({ lat = number / 1000, lng = number / 500, radius_km = 0.001 })
end

--- How many vendors of the table are not where the index has them; and too many in the index.
local function differences()
    local wrong, shown = 0, 0
    for _, row in ipairs(sql:query("select id, status, lat_deg, lon_deg from vendors")) do
        local id, status, lat, lng = unpack(row)
        if status == "ACTIVE" and lat ~= "" then
            shown = shown + 1
            local is_there = false
            for _, hit in ipairs(geo.near({ lat = tonumber(lat), lng = tonumber(lng),
                radius_km = 1e-6, limit = 1000 })) do
                is_there = is_there or hit.id == id
            end
            wrong = wrong + (is_there and 0 or 1)
        end
    end
    return wrong, geo.count() - shown
end

describe("flows.geo_feed", function()
    before_each(function()
        empty()
        new_worker()
    end)

    teardown(function()
        empty()
        new_worker()
        geo_feed.refresh()
    end)

    it("loads the active vendors with a place, and nobody else", function()
        add_vendors(5)
        change(2, "status = 'PENDING'")
        change(3, "status = 'SUSPENDED'")
        change(4, "lat_deg = null, lon_deg = null")
        geo_feed.refresh()
        assert.same({ id_of(1), id_of(5) }, ids_near({ lat = 0, lng = 0 }))
        assert.equal(2, geo.count())
    end)

    it("gives ids and metres, nearest first, and goes on after the last one", function()
        add_vendors(30)
        geo_feed.refresh()
        local first = geo_feed.nearby({ lat = 0, lng = 0, limit = 20 })
        assert.equal(20, #first)
        assert.equal(geo.distance_m(0, 0, 0.001, 0.002), first[1].distance_m)
        assert.is_nil(first[1].mask)
        local rest = ids_near({ lat = 0, lng = 0, after_distance_m = first[20].distance_m,
            after_id = first[20].id })
        assert.equal(10, #rest)
        assert.equal(id_of(21), rest[1])
    end)

    it("loads a table whole, and follows more changes than one page holds", function()
        add_vendors(4100)
        geo_feed.refresh()
        assert.same({ 0, 0 }, { differences() })
        sql:query("update vendors set lat_deg = lat_deg + 1 where right(id::text, 1) > '3'")
        shared.bump("geo")
        geo_feed.refresh()
        assert.same({ 0, 0 }, { differences() })
    end)

    it("sees at once what was announced: arrivals, moves, suspensions, returns, ends", function()
        add_vendors(4)
        geo_feed.refresh()
        change(1, "lat_deg = 45, lon_deg = 7")
        change(2, "status = 'SUSPENDED'")
        sql:query("delete from vendors where id = '" .. id_of(4) .. "'")
        shared.bump("geo")
        assert.same({ id_of(1) }, ids_near({ lat = 45, lng = 7, radius_km = 1 }))
        assert.same({}, at_place_of(1))
        assert.same({}, at_place_of(2))
        assert.same({}, at_place_of(4))
        change(2, "status = 'ACTIVE'")
        change(3, "lat_deg = null, lon_deg = null")
        shared.bump("geo")
        assert.same({ id_of(2) }, at_place_of(2))
        assert.same({}, at_place_of(3))
    end)

    it("asks the database nothing while nothing is announced, but for its timer", function()
        add_vendors(2)
        geo_feed.refresh()
        change(1, "status = 'SUSPENDED'")
        assert.same({ id_of(1) }, at_place_of(1))
        geo_feed.follow()
        assert.same({ id_of(1) }, at_place_of(1))
        later(1.1e6, geo_feed.follow)
        assert.same({}, at_place_of(1))
    end)

    it("looks again soon while somebody searches, and seldom when nobody does", function()
        add_vendors(1)
        geo_feed.refresh()
        at_place_of(1)
        assert.is_true(geo_feed.follow())
        later(1e6, function()
            assert.is_true(geo_feed.follow())
        end)
        later(2.1e6, function()
            assert.is_false(geo_feed.follow())
            at_place_of(1)
            assert.is_true(geo_feed.follow())
        end)
    end)

    it("compares table and index every ten minutes, and mends what differs", function()
        add_vendors(3)
        geo_feed.refresh()
        sql:query("delete from vendor_places where vendor_id = '" .. id_of(2) .. "'")
        shared.bump("geo")
        geo_feed.keep()
        assert.same({ id_of(2) }, at_place_of(2))
        later(601e6, geo_feed.keep)
        assert.same({}, at_place_of(2))
        assert.equal(2, geo.count())
    end)

    it("finds a place and a mask that differ, too", function()
        add_vendors(3)
        geo_feed.refresh()
        geo.put(id_of(1), 50, 50, ACTIVE)
        geo.put(id_of(2), 2 / 1000, 2 / 500, ACTIVE + 64)
        later(601e6, geo_feed.keep)
        assert.same({ 0, 0 }, { differences() })
        assert.same({}, geo.near({ lat = 0, lng = 0, mask = 64 }))
    end)

    it("leaves the index alone where nothing differs", function()
        add_vendors(3)
        geo_feed.refresh()
        geo.put(id_of(3), 1, 1, ACTIVE)
        geo.put(id_of(3), 3 / 1000, 3 / 500, ACTIVE)
        local packings = geo.stats().packings
        later(601e6, geo_feed.keep)
        assert.equal(packings, geo.stats().packings)
        assert.same({ 0, 0 }, { differences() })
    end)

    it("goes on in a new generation where the last one was", function()
        add_vendors(3)
        geo_feed.refresh()
        change(3, "status = 'SUSPENDED'")
        new_generation()
        shared.bump("geo")
        assert.same({ id_of(1), id_of(2) }, ids_near({ lat = 0, lng = 0 }))
        assert.equal(2, geo.count())
    end)

    it("shows nothing of before while it loads anew, and loses no change made meanwhile", function()
        add_vendors(50)
        geo_feed.refresh()
        geo.put(id_of(99), 1, 1, ACTIVE) -- so that the loading finds a difference
        local is_loaded = false
        later(601e6, function()
            parallel(function()
                geo_feed.keep()
                is_loaded = true
                return true
            end, function()
                local number = 0
                while not is_loaded do
                    number = number % 50 + 1
                    change(number, "lat_deg = 60 + " .. number)
                    shared.bump("geo")
                    assert.same({ id_of(number) }, ids_near({
                        lat = 60 + number, lng = number / 500, radius_km = 0.001 }))
                    sleep(0)
                end
                return true
            end)
        end)
        shared.bump("geo")
        geo_feed.refresh()
        assert.same({ 0, 0 }, { differences() })
    end)
end)

describe("while the index is not loaded", function()
    before_each(function()
        empty()
        new_worker()
    end)

    it("the database answers, as the index does", function()
        add_vendors(60)
        sql:query(("update vendors set lat_deg = 0.02, lon_deg = 0.04 where id in ('%s', '%s')")
            :format(id_of(40), id_of(41)))
        local queries = {
            { lat = 0.0101, lng = 0.02 },
            { lat = 0.0202, lng = 0.0404, limit = 50, radius_km = 3 },
            { lat = -80, lng = 179.9, limit = 7 },
            { lat = 0, lng = 0, radius_km = 20038 },
        }
        local before = {}
        for i, query in ipairs(queries) do
            before[i] = ids_near(query)
        end
        assert.is_false(geo_feed.is_loaded())
        geo_feed.refresh()
        assert.is_true(geo_feed.is_loaded())
        for i, query in ipairs(queries) do
            assert.same(ids_near(query), before[i])
        end
    end)

    it("a page goes on after the last one of the page before", function()
        add_vendors(60)
        sql:query("update vendors set lat_deg = 1, lon_deg = 1 where right(id::text, 1) < '8'")
        local query, seen, count = { lat = 1.001, lng = 1, limit = 7 }, {}, 0
        repeat
            local hits = assert(geo_feed.nearby(query))
            for _, hit in ipairs(hits) do
                assert.is_nil(seen[hit.id])
                seen[hit.id], count = true, count + 1
                query.after_distance_m, query.after_id = hit.distance_m, hit.id
            end
        until #hits < query.limit
        assert.equal(60, count)
    end)

    it("all that arrive during the first load are answered, completely", function()
        add_vendors(2500)
        local results = parallel(function()
            return geo_feed.refresh()
        end, function()
            return #geo_feed.nearby({ lat = 0, lng = 0, limit = 1000 })
        end, function()
            return #geo_feed.nearby({ lat = 2.5, lng = 5, limit = 1000 })
        end)
        assert.is_true(results[1].value)
        assert.equal(1000, results[2].value)
        assert.equal(1000, results[3].value)
        assert.equal(2500, geo.count())
    end)
end)

describe("changes that commit out of order", function()
    before_each(function()
        empty()
        new_worker()
    end)

    --- What a reader that only remembers the last id would see: rows above the largest one so far.
    local function naive_reader()
        local reader = { last = 0, seen = {} }
        function reader.read()
            local rows = sql:query(("select vendor_id, changed_xid, lat_deg from vendor_places "
                .. "where changed_xid > '%d'::xid8"):format(reader.last))
            for _, row in ipairs(rows) do
                reader.last = math.max(reader.last, tonumber(row[2]))
                reader.seen[row[1]] = tonumber(row[3])
            end
        end
        return reader
    end

    it("are lost by a cursor on the last id, and not by ours", function()
        add_vendors(2)
        geo_feed.refresh()
        local naive = naive_reader()
        naive.read()
        local step = 0
        local function wait_for(wanted)
            while step < wanted do
                sleep(1)
            end
        end
        parallel(function()
            core_db.begin()
            core_db.exec("vendor/move", id_of(1), 60, 60)
            step = 1
            wait_for(3)
            core_db.commit()
            step = 4
        end, function()
            wait_for(1)
            core_db.begin()
            core_db.exec("vendor/move", id_of(2), 61, 61)
            core_db.commit()
            step = 2
        end, function()
            wait_for(2)
            shared.bump("geo")
            geo_feed.refresh()
            naive.read()
            step = 3
        end)
        shared.bump("geo")
        geo_feed.refresh()
        naive.read()
        assert.not_equal(60, naive.seen[id_of(1)])
        assert.equal(61, naive.seen[id_of(2)])
        assert.same({ 0, 0 }, { differences() })
    end)

    it("are all in the index after four writers at once", function()
        local each = 60
        add_vendors(4 * each)
        geo_feed.refresh()
        local naive = naive_reader()
        naive.read()
        local working = 4
        local function writer(number)
            return function()
                for i = 1, each do
                    db.tx(function()
                        local id = id_of(number * each + i)
                        local is_moved, problem = db.exec("vendor/move", id, 70 + number, i / 10)
                        sleep(math.random(0, 4))
                        return is_moved, problem
                    end)
                end
                working = working - 1
                return true
            end
        end
        parallel(writer(0), writer(1), writer(2), writer(3), function()
            while working > 0 do
                shared.bump("geo")
                geo_feed.refresh()
                naive.read()
            end
            return true
        end)
        shared.bump("geo")
        geo_feed.refresh()
        naive.read()
        local lost = 0
        for number = 1, 4 * each do
            local lat = naive.seen[id_of(number)]
            lost = lost + ((not lat or lat < 70) and 1 or 0)
        end
        assert.is_true(lost > 0, "the naive cursor lost nothing: the writers did not overlap")
        assert.same({ 0, 0 }, { differences() })
    end)
end)

describe("vendors near in a category", function()
    local kitchen, pots, books

    --- A category whose bit is that of `number`: the last digits of its id decide.
    local function add_category(slug, number, parent)
        local id = ("01900000-0000-7000-8000-0000%08x"):format(number)
        sql:query(([[insert into categories (id, parent_id, name, slug)
            values ('%s', %s, '%s', '%s')]])
            :format(id, parent and "'" .. parent .. "'" or "null", slug, slug))
        return id
    end

    local function product_sql(id, number, category, status)
        return ([[insert into products (id, vendor_id, name, slug, price_minor, currency, status)
            values ('%s', '%s', '%s', 'p-%s', 100, 'USD', '%s');
            insert into product_categories values ('%s', '%s');]])
            :format(id, id_of(number), id, id, status or "PUBLISHED", id, category)
    end

    local function add_product(number, category, status)
        local id = crypto.uuid7()
        sql:query(product_sql(id, number, category, status))
        return id
    end

    local function sellers_of(category, fields)
        local query = { lat = 0, lng = 0, category = category }
        for name, value in pairs(fields or {}) do
            query[name] = value
        end
        shared.bump("catalogue")
        return ids_near(query)
    end

    before_each(function()
        empty()
        new_worker()
        add_vendors(200)
        geo_feed.refresh()
        kitchen = add_category("kitchen", 3)
        pots = add_category("pots", 7, kitchen)
        books = add_category("books", 57)
    end)

    it("are those with a published product in it or below it", function()
        add_product(5, pots)
        add_product(9, kitchen)
        add_product(12, books)
        add_product(14, pots, "DRAFT")
        assert.same({ id_of(5), id_of(9) }, sellers_of("kitchen"))
        assert.same({ id_of(5) }, sellers_of(pots))
        assert.same({ id_of(12) }, sellers_of("books"))
    end)

    it("are exact where two categories share a bit", function()
        add_product(5, pots)
        add_product(12, books)
        shared.bump("catalogue")
        geo_feed.refresh(true)
        assert.equal(2, #geo.near({ lat = 0, lng = 0, mask = 2 ^ (1 + 7) }))
        assert.same({ id_of(5) }, sellers_of("pots"))
        assert.same({ id_of(12) }, sellers_of(books))
    end)

    it("are nobody for a category that is not there", function()
        assert.same({}, sellers_of("no-such-thing"))
        assert.same({}, sellers_of(id_of(99)))
    end)

    it("are found behind any number of others, page after page", function()
        local statements = {}
        for number = 1, 200, 2 do
            statements[#statements + 1] = product_sql(crypto.uuid7(), number, books)
        end
        sql:query(table.concat(statements))
        add_product(150, pots)
        add_product(190, pots)
        assert.same({ id_of(150) }, sellers_of("pots", { limit = 1 }))
        local first = geo_feed.nearby({ lat = 0, lng = 0, category = "pots", limit = 1 })[1]
        assert.same({ id_of(190) }, sellers_of("pots", { limit = 5,
            after_distance_m = first.distance_m, after_id = first.id }))
        assert.equal(100, #sellers_of("books", { limit = 100 }))
    end)

    it("appear when a product is published or put into it, once that is announced", function()
        local draft = add_product(14, pots, "DRAFT")
        assert.same({}, sellers_of("pots"))
        sql:query("update products set status = 'PUBLISHED' where id = '" .. draft .. "'")
        shared.bump("catalogue")
        assert.same({ id_of(14) }, sellers_of("pots"))
        sql:query(("insert into product_categories values ('%s', '%s')"):format(draft, books))
        shared.bump("catalogue")
        assert.same({ id_of(14) }, sellers_of("books"))
    end)

    it("disappear with their last product", function()
        local product = add_product(14, pots)
        assert.same({ id_of(14) }, sellers_of("pots"))
        sql:query("update products set status = 'ARCHIVED' where id = '" .. product .. "'")
        assert.same({}, sellers_of("pots"))
    end)

    it("follow a category that moves", function()
        add_product(5, books)
        assert.same({}, sellers_of("kitchen"))
        sql:query(("update categories set parent_id = '%s' where id = '%s'"):format(kitchen, books))
        shared.bump("catalogue")
        assert.same({ id_of(5) }, sellers_of("kitchen"))
    end)
end)
