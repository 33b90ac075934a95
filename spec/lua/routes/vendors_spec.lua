local client = require("spec.support.client")
local world = require("spec.support.world")

local function names(list)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = item.businessName
    end
    return out
end

describe("vendors", function()
    local w, paris, london, sydney

    setup(function()
        w = world.start()
        local function shop(name, lat, lng)
            return w:vendor({ vendor = { businessName = name,
                location = { lat = lat, lng = lng } } })
        end
        paris = shop("Paris", 48.8566, 2.3522)
        london = shop("London", 51.5072, -0.1276)
        sydney = shop("Sydney", -33.8688, 151.2093)
    end)
    teardown(function()
        w:stop()
    end)

    local function nearby(query)
        return w:expect(200, "GET", "/api/vendors/nearby?" .. query).data
    end

    describe("GET /api/vendors", function()
        it("lists those that are active, newest first", function()
            w:register("VENDOR", { vendor = { businessName = "Pending" } })
            local answer = w:expect(200, "GET", "/api/vendors")
            assert.same({ "Sydney", "London", "Paris" }, names(answer.data))
            assert.equal(3, answer.page.total)
        end)
        it("finds by name", function()
            assert.same({ "London" }, names(w:expect(200, "GET", "/api/vendors?q=OND").data))
            assert.same({}, names(w:expect(200, "GET", "/api/vendors?q=%25").data))
        end)
        it("pages by cursor", function()
            local first = w:expect(200, "GET", "/api/vendors?limit=2")
            local rest = w:expect(200, "GET", "/api/vendors?limit=2&cursor="
                .. first.page.nextCursor)
            assert.same({ "Paris" }, names(rest.data))
            assert.equal(client.null, rest.page.nextCursor)
        end)
    end)

    describe("GET /api/vendors/{idOrSlug}", function()
        it("finds by id and slug", function()
            assert.equal("Paris",
                w:expect(200, "GET", "/api/vendors/" .. paris.vendor_id).businessName)
            assert.equal(paris.vendor_id, w:expect(200, "GET", "/api/vendors/paris").id)
        end)
        it("shows one that is not active to itself and admins only", function()
            local pending = w:register("VENDOR", { vendor = { businessName = "Shy" } })
            local path = "/api/vendors/" .. pending.vendor_id
            assert.equal(404, w:request("GET", path).status)
            assert.equal(404, w:request("GET", path, london).status)
            assert.equal("PENDING", w:expect(200, "GET", path, pending).status)
            assert.equal("PENDING", w:expect(200, "GET", path, w:admin()).status)
        end)
        it("tells nothing that is not public", function()
            local vendor = w:expect(200, "GET", "/api/vendors/paris")
            for _, field in ipairs({ "email", "userId", "stripeAccountId", "tier", "country" }) do
                assert.is_nil(vendor[field], field)
            end
        end)
    end)

    describe("GET /api/vendors/nearby", function()
        it("has the nearest first, with the distance on the mean sphere", function()
            local found = nearby("lat=51.5&lng=-0.1")
            assert.same({ "London", "Paris", "Sydney" }, names(found))
            assert.near(2.074, found[1].distanceKm, 0.01)
            assert.near(342.7, found[2].distanceKm, 1.5)
        end)
        it("keeps to the radius and the limit", function()
            assert.same({ "London" }, names(nearby("lat=51.5&lng=-0.1&radiusKm=100")))
            assert.same({ "London", "Paris" }, names(nearby("lat=51.5&lng=-0.1&limit=2")))
            assert.same({}, names(nearby("lat=0&lng=0&radiusKm=1")))
            assert.equal(3, #nearby("lat=0&lng=0&radiusKm=20038"))
        end)
        it("keeps to a category", function()
            local category = w:expect(201, "POST", "/api/admin/categories", w:admin(),
                { name = "Kites" })
            w:product(paris, { categoryIds = { category.id } })
            assert.same({ "Paris" }, names(nearby("lat=51.5&lng=-0.1&category=kites")))
        end)
        it("follows a vendor that moves", function()
            w:expect(200, "PUT", "/api/vendor/location", sydney, { lat = 51.5, lng = -0.1 })
            for _ = 1, 4 do
                assert.equal("Sydney", nearby("lat=51.5&lng=-0.1")[1].businessName)
            end
            w:expect(200, "PUT", "/api/vendor/location", sydney, { lat = -33.8688, lng = 151.2093 })
            assert.equal("London", nearby("lat=51.5&lng=-0.1")[1].businessName)
        end)
        it("leaves out one that is suspended, and has it again", function()
            local path = "/api/admin/vendors/" .. london.vendor_id
            w:expect(200, "POST", path .. "/suspend", w:admin(), {})
            assert.same({ "Paris", "Sydney" }, names(nearby("lat=51.5&lng=-0.1")))
            w:expect(200, "POST", path .. "/reinstate", w:admin(), {})
            assert.equal("London", nearby("lat=51.5&lng=-0.1")[1].businessName)
        end)
        for _, query in ipairs({
            "", "lat=1", "lat=91&lng=0", "lat=0&lng=181", "lat=x&lng=0", "lat=0&lng=0&radiusKm=0",
            "lat=0&lng=0&radiusKm=-1", "lat=0&lng=0&radiusKm=20039", "lat=0&lng=0&limit=0",
                "lat=nan&lng=0",
            "lat=0&lng=0&radiusKm=inf", "lat=0&lng=0&limit=101",
        }) do
            it("refuses '" .. query .. "'", function()
                assert.equal(422, w:request("GET", "/api/vendors/nearby?" .. query).status)
            end)
        end
    end)

    describe("GET /api/vendors/nearby at the edge of the map", function()
        it("orders places that are equally far by id, across the antimeridian too", function()
            local ids = {}
            for i, lng in ipairs({ 179.9, -179.9, 179.9, -179.9 }) do
                local vendor = w:vendor({ vendor = { businessName = "Isle " .. i,
                    location = { lat = 0, lng = lng } } })
                ids[i] = vendor.vendor_id
            end
            table.sort(ids)
            for _, lng in ipairs({ "180", "-180" }) do
                local found = {}
                for i, vendor in ipairs(nearby("lat=0&lng=" .. lng .. "&radiusKm=50")) do
                    found[i] = vendor.id
                end
                assert.same(ids, found)
            end
        end)
    end)
end)
