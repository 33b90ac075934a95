local account = require("flows.account")
local db = require("souk.db")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")
local shared = require("core.shared")
local vendor_nearby = require("flows.vendor_nearby")

local function shop(name, lat, lng, status)
    local session = account.register({
        email = name:lower() .. "@souk.test", password = "correct horse", name = name,
        role = "VENDOR", vendor = { businessName = name, location = { lat = lat, lng = lng } },
    })
    assert(db.exec("vendor/set_status", session.user.vendorId, status or "ACTIVE"))
    shared.bump("geo")
    return session.user.vendorId
end

local function nearby(query)
    query.limit = query.limit or 20
    return json.decode(json.encode(vendor_nearby.list(query))).data
end

describe("vendor_nearby.list", function()
    setup(function()
        geo_feed.refresh()
        shop("Pole", 90, 0)
        shop("West", 0, 179.99)
        shop("East", 0, -179.99)
        shop("Closed", 0, 179.98, "SUSPENDED")
    end)

    it("goes over the antimeridian, nearest first, and leaves out who is closed", function()
        local found = nearby({ lat = 0, lng = 179.995, radiusKm = 10 })
        assert.same({ "West", "East" }, { found[1].businessName, found[2].businessName })
        assert.equal(2, #found)
        assert.near(0.556, found[1].distanceKm, 0.001)
        assert.near(1.668, found[2].distanceKm, 0.001)
    end)
    it("is at the pole from every longitude", function()
        assert.near(111.195, nearby({ lat = 89, lng = 123, limit = 1 })[1].distanceKm, 0.001)
    end)
    it("encodes as a list when nobody is near", function()
        local answer = vendor_nearby.list({ lat = 45, lng = 45, radiusKm = 1, limit = 20 })
        assert.equal('{"data":[]}', json.encode(answer))
    end)
end)
