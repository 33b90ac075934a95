local client = require("spec.support.client")
local world = require("spec.support.world")

local function ids(list)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = item.id
    end
    return out
end

local function names(list)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = item.name
    end
    return out
end

describe("a product", function()
    local w, vendor, other

    setup(function()
        w = world.start()
        vendor, other = w:vendor(), w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    local made = 0
    local function draft(changes, who)
        made = made + 1
        local body = { name = "Draft " .. made, price = { amount = 1000, currency = "USD" },
            stock = 5 }
        for name, value in pairs(changes or {}) do
            body[name] = value
        end
        return w:request("POST", "/api/products", who or vendor, body)
    end

    local function read(product, who, headers)
        return w:request("GET", "/api/products/" .. product.id, who, nil, headers)
    end

    local function step(product, name, who)
        return w:request("POST", "/api/products/" .. product.id .. "/" .. name, who or vendor)
    end

    describe("GET /api/products/{idOrSlug}", function()
        it("finds by id and by slug, for anyone, without stock and reserved", function()
            local product = w:product(vendor, { name = "Findable" })
            local by_slug = w:expect(200, "GET", "/api/products/findable")
            assert.equal(product.id, by_slug.id)
            assert.is_nil(by_slug.stock)
            assert.is_nil(by_slug.reserved)
            assert.equal(10, by_slug.available)
            assert.equal(vendor.vendor_id, by_slug.vendor.id)
            assert.equal(10, read(product, vendor).json.stock)
            assert.is_nil(read(product, other).json.stock)
        end)
        it("does not show what a vendor sells that is not active", function()
            local pending = w:register("VENDOR")
            local product = draft({ name = "Pending's" }, pending).json
            assert.equal(200, step(product, "publish", pending).status)
            assert.equal(404, read(product).status)
            w:expect(200, "POST", "/api/admin/vendors/" .. pending.vendor_id .. "/approve",
                w:admin(), {})
            assert.equal(200, read(product).status)
            w:expect(200, "POST", "/api/admin/vendors/" .. pending.vendor_id .. "/suspend",
                w:admin(), {})
            assert.equal(404, read(product).status)
            assert.same({},
                w:expect(200, "GET", "/api/products?vendorId=" .. pending.vendor_id).data)
        end)
        it("answers 304 to the ETag of the same product, and not after a change", function()
            local product = w:product(vendor)
            local etag = read(product).headers.etag
            assert.equal(304, read(product, nil, { ["If-None-Match"] = etag }).status)
            w:expect(200, "PUT", "/api/products/" .. product.id .. "/inventory", vendor,
                { stock = 3 })
            assert.equal(200, read(product, nil, { ["If-None-Match"] = etag }).status)
        end)
    end)
end)

describe("GET /api/products", function()
    local w, near, far, kitchen, cups

    setup(function()
        w = world.start()
        near = w:vendor({ vendor = { businessName = "Near", location = { lat = 10, lng = 20 } } })
        far = w:vendor({ vendor = { businessName = "Far", location = { lat = 10, lng = 21 } } })
        local admin = w:admin()
        kitchen = w:expect(201, "POST", "/api/admin/categories", admin, { name = "Kitchen" })
        cups = w:expect(201, "POST", "/api/admin/categories", admin,
            { name = "Cups", parentId = kitchen.id })
        w:product(near,
            { name = "Blue ceramic mug", price = 500, stock = 3, categoryIds = { cups.id } })
        w:product(near,
            { name = "Red ceramic bowl", price = 900, stock = 0, categoryIds = { kitchen.id } })
        w:product(far,
            { name = "Blue wool scarf", price = 1500, description = "Not a mug, but warm" })
        w:product(far, { name = "Green lamp", price = 900 })
        w.db:query("update products set rating_sum = 9, rating_count = 2 where name = 'Green lamp';"
            .. "update products set rating_sum = 3, rating_count = 1"
            .. " where name = 'Blue wool scarf'")
        w:product(far, { name = "Not on sale" })
        w:expect(200, "GET", "/api/products?q=sale")
        local hidden = w:expect(200, "GET", "/api/products/not-on-sale").id
        w:expect(200, "POST", "/api/products/" .. hidden .. "/unpublish", far)
        w.db:query("call term_fill()")
    end)
    teardown(function()
        w:stop()
    end)

    local function list(query)
        return w:expect(200, "GET", "/api/products?" .. query)
    end

    local cases = {
        { "is newest first", "",
            { "Green lamp", "Blue wool scarf", "Red ceramic bowl", "Blue ceramic mug" } },
        { "sorts by price, ties by id", "sort=price&maxPrice=899", { "Blue ceramic mug" } },
        { "sorts dearest first", "sort=-price&minPrice=901", { "Blue wool scarf" } },
        { "sorts best rated first", "sort=rating&minRating=1",
            { "Green lamp", "Blue wool scarf" } },
        { "finds words, the name before the description", "q=mug",
            { "Blue ceramic mug", "Blue wool scarf" } },
        { "finds words by their stem", "q=lamps", { "Green lamp" } },
        { "leaves out what is not wanted", "q=blue+-scarf", { "Blue ceramic mug" } },
        { "finds phrases", "q=%22ceramic+bowl%22", { "Red ceramic bowl" } },
        { "takes either word", "q=lamp+or+bowl&sort=newest", { "Green lamp", "Red ceramic bowl" } },
        { "finds nothing for nonsense", "q=xyzzy", {} },
        { "takes any text for words", "q=%27%29%3B+drop+table+%26+%21%7C%28", {} },
        { "filters by price, both ends included",
            "minPrice=500&maxPrice=900&sort=price&category=cups", { "Blue ceramic mug" } },
        { "filters by category and what is below it", "category=kitchen",
            { "Red ceramic bowl", "Blue ceramic mug" } },
        { "knows no unknown category", "category=nowhere", {} },
        { "filters by what is in stock", "category=kitchen&inStock=true", { "Blue ceramic mug" } },
        { "filters by what is sold out", "inStock=false", { "Red ceramic bowl" } },
        { "filters by rating", "minRating=4.5", { "Green lamp" } },
        { "takes what lies within a radius", "lat=10&lng=20&radiusKm=50&sort=price",
            { "Blue ceramic mug", "Red ceramic bowl" } },
        { "combines filters", "q=blue&maxPrice=600&inStock=true&category=kitchen",
            { "Blue ceramic mug" } },
    }
    for _, case in ipairs(cases) do
        local name, query, expected = unpack(case)
        it(name, function()
            local answer = list(query)
            assert.same(expected, names(answer.data))
            assert.equal(#expected, answer.page.total)
        end)
    end

    it("filters by vendor", function()
        assert.equal(2, list("vendorId=" .. near.vendor_id).page.total)
    end)
    it("sorts by distance and says it", function()
        local data = list("lat=10&lng=20.9&sort=distance").data
        assert.equal("Far", data[1].vendor.businessName)
        assert.equal("Near", data[4].vendor.businessName)
        assert.near(10.951, data[1].distanceKm, 0.002)
        assert.is_true(data[4].distanceKm > data[1].distanceKm)
    end)
    it("counts facets of what matches", function()
        local facets = list("facets=category,vendor&q=ceramic").facets
        local counts = {}
        for _, facet in ipairs(facets.category) do
            counts[facet.slug] = facet.count
        end
        assert.same({ kitchen = 1, cups = 1 }, counts)
        assert.same({ near.vendor_id }, ids(facets.vendor))
        assert.equal(2, facets.vendor[1].count)
        assert.is_nil(list("").facets)
        assert.is_nil(list("facets=vendor").facets.category)
    end)
    it("counts anew when the catalogue changes", function()
        local before = list("").page.total
        local product = w:product(near, { name = "One more" })
        assert.equal(before + 1, list("").page.total)
        w:expect(204, "DELETE", "/api/products/" .. product.id, near)
        assert.equal(before, list("").page.total)
    end)

    for _, sort in ipairs({ "newest", "price", "-price", "rating" }) do
        it("pages by cursor through all of it once, sorted by " .. sort, function()
            local expected = ids(list("sort=" .. sort).data)
            local got, cursor = {}, nil
            repeat
                local page = list("limit=1&sort=" .. sort
                    .. (cursor and "&cursor=" .. cursor or ""))
                assert.equal(1, #page.data)
                got[#got + 1] = page.data[1].id
                if cursor then
                    assert.equal(client.null, page.page.total)
                end
                cursor = type(page.page.nextCursor) == "string" and page.page.nextCursor or nil
            until not cursor
            assert.same(expected, got)
        end)
    end
    it("pages by offset, and the cursor goes on from there", function()
        local all = ids(list("").data)
        local second = list("limit=1&offset=1")
        assert.same({ all[2] }, ids(second.data))
        assert.equal(1, second.page.offset)
        assert.same({ all[3] }, ids(list("limit=1&cursor=" .. second.page.nextCursor).data))
    end)
    it("pages relevance and distance by cursor too", function()
        for _, query in ipairs({ "q=blue+or+lamp", "lat=10&lng=20&sort=distance" }) do
            local expected = ids(list(query).data)
            local first = list(query .. "&limit=2")
            local rest = list(query .. "&limit=100&cursor=" .. first.page.nextCursor)
            assert.same({ unpack(expected, 3) }, ids(rest.data))
        end
    end)

    local refusals = {
        { "offset=10001", 400, "offset_too_deep" },
        { "cursor=forged", 400, "bad_cursor" },
        { "limit=0", 422, "validation_failed" },
        { "limit=101", 422, "validation_failed" },
        { "sort=relevance", 422, "validation_failed" },
        { "sort=distance", 422, "validation_failed" },
        { "sort=price;drop", 422, "validation_failed" },
        { "lat=1", 422, "validation_failed" },
        { "lat=91&lng=0", 422, "validation_failed" },
        { "radiusKm=5", 422, "validation_failed" },
        { "minPrice=2&maxPrice=1", 422, "validation_failed" },
        { "minPrice=1.5", 422, "validation_failed" },
        { "minRating=6", 422, "validation_failed" },
        { "vendorId=1", 422, "validation_failed" },
        { "inStock=maybe", 422, "validation_failed" },
        { "facets=price", 422, "validation_failed" },
        { "q=%00", 400, "bad_request" },
        { "q=%ff", 400, "bad_request" },
    }
    for _, case in ipairs(refusals) do
        local query, status, code = unpack(case)
        it("refuses " .. query, function()
            local answer = w:request("GET", "/api/products?" .. query)
            assert.equal(status, answer.status)
            assert.equal(code, answer.json.code)
        end)
    end
    it("refuses the cursor of another sort", function()
        local cursor = list("sort=price&limit=1").page.nextCursor
        assert.equal("bad_cursor",
            w:request("GET", "/api/products?sort=rating&cursor=" .. cursor).json.code)
    end)

    describe("what nothing has", function()
        it("is corrected, asked for again, and said to be", function()
            local answer = list("q=ceramc+muug&sort=price")
            assert.equal("ceramic mug", answer.didYouMean)
            assert.same({ "Blue ceramic mug" }, names(answer.data))
            assert.equal(1, answer.page.total)
        end)
        it("is paged by cursor like what was meant", function()
            local first = list("q=ceramc&sort=price&limit=1")
            local rest = list("q=ceramc&sort=price&cursor=" .. first.page.nextCursor)
            assert.same({ "Blue ceramic mug", "Red ceramic bowl" },
                { first.data[1].name, rest.data[1].name })
            assert.equal("ceramic", rest.didYouMean)
        end)
        it("keeps what else was asked for", function()
            assert.same({ "Blue wool scarf" }, names(list("q=%22wol+scarf%22+-mugg").data))
            assert.same({}, names(list("q=ceramc&maxPrice=1").data))
        end)
        it("is left alone when its words are known, or like no other", function()
            for _, query in ipairs({ "q=mugs&maxPrice=1", "q=xyzzy", "q=the", "q=lamp+bowl" }) do
                local answer = list(query)
                assert.is_nil(answer.didYouMean)
                assert.same({}, answer.data)
            end
        end)
    end)

    describe("suggest", function()
        local function texts(query)
            local out = {}
            for i, item in ipairs(w:expect(200, "GET", "/api/products/suggest?" .. query).data) do
                out[i] = item.text
            end
            return out
        end
        it("completes what was begun", function()
            assert.equal("Blue ceramic mug", texts("q=blue+cer")[1])
        end)
        it("forgives a typing error", function()
            assert.equal("Blue wool scarf", texts("q=scraf+wool")[1])
            assert.equal("Red ceramic bowl", texts("q=ceramc+bowl")[1])
        end)
        it("takes wildcards literally", function()
            assert.same({}, texts("q=%25%25"))
            assert.same({}, texts("q=____"))
        end)
        it("gives no more than asked for, and at most ten", function()
            assert.equal(1, #texts("q=blue&limit=1"))
            assert.equal(422, w:request("GET", "/api/products/suggest?q=a&limit=11").status)
        end)
        it("does not show what is not on sale", function()
            assert.same({}, texts("q=not+on+sale"))
        end)
    end)
end)
