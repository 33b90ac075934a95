-- What a worker keeps of a vendor for its answers: from the database once, and not beyond a change.
local account = require("flows.account")
local clock = require("core.clock")
local db = require("souk.db")
local geo = require("core.geo")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")
local parallel = require("core.parallel")
local shared = require("core.shared")
local sleep = require("core.sleep")

local function shop(name, lat, lng)
    local session = account.register({
        email = name:lower() .. "@cards.test", password = "correct horse", name = name,
        role = "VENDOR", vendor = { businessName = name, location = { lat = lat, lng = lng } },
    })
    assert(db.exec("vendor/set_status", session.user.vendorId, "ACTIVE"))
    shared.bump("geo")
    return session.user.vendorId
end

--- What is kept of those around; is_last: of those that can be had.
local function cards(is_last)
    local answer, missing = geo.cards_near(-60, -120, 50, 20, 1, is_last or math.huge)
    return answer and tostring(answer), missing
end

local function around(radius_km)
    return (geo.cards_near(-60, -120, radius_km, 20, 1, true))
end

local function answer()
    return tostring(assert(geo_feed.nearby_answer(-60, -120, 50, 20)))
end

local function read(...)
    assert(geo.cards_read("geo/cards", db.array({ ... })))
end

describe("core.geo.cards_near", function()
    local near, far

    setup(function()
        near, far = shop("Near", -60, -120), shop("Far", -60.1, -120)
        geo_feed.refresh()
    end)

    before_each(function()
        geo.cards_clear()
    end)

    it("names whom it has no text of", function()
        local text, missing = cards()
        assert.is_nil(text)
        assert.equal(("{%s,%s}"):format(near, far), missing)
        read(far)
        assert.equal(("{%s}"):format(near), select(2, cards()))
    end)

    it("gives what is kept, nearest first, with how far it is", function()
        read(near, far)
        local text, count = cards()
        local list = json.decode(text).data
        assert.equal(2, count)
        assert.same({ "Near", "Far" }, { list[1].businessName, list[2].businessName })
        assert.same({ 0, 11.12 }, { list[1].distanceKm, list[2].distanceKm })
        assert.same({ lat = -60, lng = -120 }, list[1].location)
    end)

    it("is JSON to whoever encodes it, and each answer has a text of its own", function()
        read(near, far)
        local both, one = around(50), around(1)
        assert.equal(2, #json.decode(tostring(both)).data)
        assert.equal(1, #json.decode(json.encode({ of = one })).of.data)
    end)

    it("gives whoever shares the last metre's place in the order of their ids", function()
        local ids = { shop("TwinA", -61, -121), shop("TwinB", -61, -121), shop("TwinC", -61, -121) }
        geo_feed.refresh()
        read(unpack(ids))
        table.sort(ids)
        for limit = 1, 3 do
            local list = json.decode(tostring(geo.cards_near(-61, -121, 1, limit, 1, true))).data
            for i = 1, limit do
                assert.equal(ids[i], list[i].id)
            end
        end
    end)

    it("leaves out whom the database does not show, when told that it was asked", function()
        read(far)
        local list = json.decode((cards(true))).data
        assert.equal(1, #list)
        assert.equal(far, list[1].id)
    end)

    it("answers nothing where more was announced than the caller has seen", function()
        read(near, far)
        local epoch = shared.read("geo")
        assert.truthy(geo.cards_near(-60, -120, 50, 20, 1, epoch))
        shared.bump("geo")
        assert.equal(0, select("#", geo.cards_near(-60, -120, 50, 20, 1, epoch)))
        assert.truthy(geo.cards_near(-60, -120, 50, 20, 1, epoch + 1))
    end)

    it("forgets a vendor that has changed", function()
        read(near, far)
        geo.cards_drop(near)
        assert.equal(("{%s}"):format(near), select(2, cards()))
    end)

    it("keeps what was read while it changed for a moment only", function()
        read(far)
        parallel(function()
            read(near)
            return true
        end, function()
            geo.cards_drop(near)
            return true
        end)
        assert.is_string((cards()))
        sleep(80)
        assert.equal(("{%s}"):format(near), select(2, cards()))
    end)

    it("is a vendor's new name at once when that was announced", function()
        local began_us = clock.monotonic_us()
        assert.truthy(answer():find("Near", 1, true))
        sleep(1)
        assert(db.exec("vendor/set_status", far, "SUSPENDED"))
        shared.bump("geo")
        assert.is_nil(answer():find("Far", 1, true))
        assert(db.exec("vendor/set_status", far, "ACTIVE"))
        shared.bump("geo")
        assert.truthy(answer():find("Far", 1, true))
        assert.is_true(clock.monotonic_us() > began_us)
    end)
end)
