--- Two servers on one database, two workers each, and what they remember of the catalogue. Times
-- are never asserted: a server has seen a commit when it has looked at the table of changes twice
-- since.
local client = require("spec.support.client")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local NEVER_MS = 60000

local function metric(server, name)
    local page = client.request({ port = server.metrics_port, path = "/metrics" }).body
    return tonumber(page:match("\n" .. name .. " (%d+)")) or 0
end

local function get(server, path, headers)
    return client.request({ port = server.port, path = path, headers = headers })
end

--- Until the server has seen all that was committed before the call. Asking keeps it looking.
local function seen(server, path)
    local before = metric(server, "souk_feed_reads_total")
    shell.wait_until("the server has looked at what others changed", 20, function()
        get(server, path)
        return metric(server, "souk_feed_reads_total") >= before + 2
    end)
end

--- Asks until every worker has answered from memory several times.
local function warm(server, path)
    local before = metric(server, "souk_cache_hits_total")
    shell.wait_until("the answer is in memory", 20, function()
        for _ = 1, 20 do
            assert.equal(200, get(server, path).status)
        end
        return metric(server, "souk_cache_hits_total") >= before + 40
    end)
end

local function assert_all(server, path, wanted, pick)
    for _ = 1, 20 do
        assert.equal(wanted, pick(get(server, path).json))
    end
end

local function price_of(product)
    return product.price.amount
end

describe("answers of the catalogue that are kept", function()
    local w, other, shop, lamp, path

    setup(function()
        local set = {
            ["cache.size_mb"] = 8, ["cache.stock_ms"] = NEVER_MS,
            ["cache.dashboard_ms"] = NEVER_MS, ["http.cors_origins"] = "https://shop.example",
        }
        w = world.start({ set = set })
        other = server_process.start({ db = w.db, name = "other", set = set })
        shop = w:vendor()
    end)

    teardown(function()
        other:stop()
        w:stop()
    end)

    before_each(function()
        lamp = w:product(shop, { price = 6000, stock = 10 })
        path = "/api/products/" .. lamp.id
    end)

    it("come from memory, whole, with what belongs to this request", function()
        warm(w.server, path)
        local first = get(w.server, path)
        local again = get(w.server, path,
            { ["X-Request-Id"] = "mine", Origin = "https://shop.example" })
        assert.equal(first.body, again.body)
        assert.equal(first.headers.etag, again.headers.etag)
        assert.equal("no-cache", again.headers["cache-control"])
        assert.equal("application/json; charset=utf-8", again.headers["content-type"])
        assert.same({ "mine", "Origin", "https://shop.example" }, {
            again.headers["x-request-id"], again.headers.vary,
            again.headers["access-control-allow-origin"],
        })
        assert.is_nil(first.headers["access-control-allow-origin"])
        w.server:logged('"request_id":"mine"[^\n]-"route":"products.detail"')
    end)

    it("are 304 for who has them, and have no body for HEAD", function()
        warm(w.server, path)
        local etag = get(w.server, path).headers.etag
        local hits = metric(w.server, "souk_cache_hits_total")
        for _, wanted in ipairs({ etag, '"x", ' .. etag, "*" }) do
            local answer = get(w.server, path, { ["If-None-Match"] = wanted })
            assert.same({ 304, "", etag }, { answer.status, answer.body, answer.headers.etag })
            assert.is_nil(answer.headers["content-type"])
        end
        local head = client.request({ port = w.port, method = "HEAD", path = path })
        assert.same({ 200, "", etag }, { head.status, head.body, head.headers.etag })
        assert.is_true(metric(w.server, "souk_cache_hits_total") >= hits + 2)
    end)

    it("are the same for a first client that has a copy", function()
        local etag = get(other, path).headers.etag
        assert.equal(304, get(w.server, path, { ["If-None-Match"] = etag }).status)
        assert.equal(200, get(w.server, path).status)
    end)

    for _, case in ipairs({
        { "a detail", function() return path end, price_of },
        { "a list", function() return "/api/products?vendorId=" .. shop.vendor_id end,
            function(list) return list.data[1].price.amount end },
    }) do
        local what, path_of, pick = unpack(case)

        it("show a price that the vendor changed on all nodes, " .. what, function()
            local wanted = path_of()
            warm(w.server, wanted)
            warm(other, wanted)
            w:expect(200, "PATCH", path, shop, { price = { amount = 5000, currency = "USD" } })
            assert_all(w.server, wanted, 5000, pick) -- at once where it was changed
            seen(other, wanted)
            assert_all(other, wanted, 5000, pick)
        end)

        it("show a price changed by SQL, " .. what, function()
            local wanted = path_of()
            warm(w.server, wanted)
            w.db:query("update products set price_minor = 4500 where id = '" .. lamp.id .. "'")
            seen(w.server, wanted)
            assert_all(w.server, wanted, 4500, pick)
        end)
    end

    it("are gone with what they show: an unpublished product, a suspended vendor", function()
        warm(other, path)
        w:expect(200, "POST", path .. "/unpublish", shop)
        seen(other, "/api/products")
        assert.equal(404, get(other, path).status)
        w:expect(200, "POST", path .. "/publish", shop)
        seen(other, "/api/products")
        warm(other, path)
        w.db:query("update vendors set status = 'SUSPENDED' where id = '" .. shop.vendor_id .. "'")
        seen(other, "/api/products")
        assert.equal(404, get(other, path).status)
        w.db:query("update vendors set status = 'ACTIVE' where id = '" .. shop.vendor_id .. "'")
        seen(other, "/api/products")
    end)

    it("follow what hangs on a product: its categories' names, its vendor, its reviews", function()
        local category = w:expect(201, "POST", "/api/admin/categories", w:admin(),
            { name = "Lights " .. lamp.id:sub(-6) })
        w.db:query(("insert into product_categories values ('%s', '%s')"):format(
            lamp.id, category.id))
        seen(other, path)
        warm(other, path)
        w.db:query(("update categories set name = 'Lamps' where id = '%s'"):format(category.id))
        w.db:query(("update vendors set business_name = 'Bright' where id = '%s'"):format(
            shop.vendor_id))
        seen(other, path)
        local shown = get(other, path).json
        assert.same({ "Lamps", "Bright" }, { shown.categories[1].name, shown.vendor.businessName })
        assert.equal("Bright", get(other, "/api/vendors/" .. shop.vendor_id).json.businessName)
    end)

    it("are not given to who has a token, nor made from his answer", function()
        warm(w.server, path)
        local own = w:expect(200, "GET", path, shop)
        assert.equal(10, own.stock)
        assert_all(w.server, path, nil, function(product) return product.stock end)
    end)

    it("are neither errors nor searches around a place", function()
        local missing = "/api/products/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"
        local entries = metric(w.server, "souk_cache_entries")
        for _ = 1, 10 do
            assert.equal(404, get(w.server, missing).status)
        end
        assert.equal(422, get(w.server, "/api/products?limit=0").status)
        assert.equal(200, get(w.server, "/api/products?lat=1&lng=1").status) -- its index may lag
        assert.is_true(metric(w.server, "souk_cache_entries") <= entries)
    end)

    it("cost a sale no row of the feed", function()
        local buyer = w:buyer()
        local before = w.db:value("select max(seq) from feed_changes")
        w:add(buyer, lamp, 2)
        assert.equal(200, (w:pay(buyer, w:checkout(buyer))).status)
        assert.same({ 8, 0 }, { w:stock(shop, lamp) })
        assert.equal(before, w.db:value("select max(seq) from feed_changes"))
    end)

    it("include a vendor's dashboard, where his own steps are seen at once", function()
        local made
        local function open_orders()
            return w:expect(200, "GET", "/api/vendor/dashboard", made.shop).openOrders
        end
        -- A server that could not look at others' changes for a while makes it anew.
        shell.wait_until("a dashboard that is kept", 60, function()
            made = story.paid(w, { quantity = 1 })
            for _ = 1, 20 do -- on both workers
                assert.same({ confirmed = 1, processing = 0, shipped = 0 }, open_orders())
            end
            w.db:query("update vendor_orders set status = 'PROCESSING' where vendor_id = '"
                .. made.shop.vendor_id .. "'")
            return open_orders().processing == 0
        end)
        local part = w:expect(200, "GET", "/api/vendor/orders", made.shop).data[1].id
        w:expect(200, "PATCH", "/api/vendor/orders/" .. part .. "/status", made.shop,
            { status = "SHIPPED" })
        for _ = 1, 20 do
            assert.same({ confirmed = 0, processing = 0, shipped = 1 }, open_orders())
        end
    end)

    it("are none with cache.size_mb = 0", function()
        local off = server_process.start({ db = w.db, name = "off" })
        for i = 1, 10 do
            w.db:query(("update products set price_minor = %d where id = '%s'"):format(i, lamp.id))
            assert.equal(i, price_of(get(off, path).json))
        end
        local page = client.request({ port = off.metrics_port, path = "/metrics" }).body
        assert.is_nil(page:find("souk_cache", 1, true))
        off:stop()
    end)
end)
