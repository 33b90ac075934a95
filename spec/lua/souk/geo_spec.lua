local core_geo = require("core.geo")
local geo = require("souk.geo")
local json = require("core.json")

local function id_of(number)
    return ("01900000-0000-7000-8000-%012x"):format(number)
end

describe("souk.geo", function()
    setup(function()
        core_geo.clear()
        core_geo.put(id_of(1), 10, 20, 1)
        core_geo.put(id_of(2), 10, 20.1, 1)
        core_geo.put(id_of(3), 10, 20.05, 0)
    end)

    teardown(core_geo.clear)

    it("finds who is active, nearest first", function()
        local hits = geo.near({ lat = 10, lng = 20.01 })
        assert.same({ { id = id_of(1), distance_m = geo.distance_m(10, 20.01, 10, 20) },
            { id = id_of(2), distance_m = geo.distance_m(10, 20.01, 10, 20.1) } }, hits)
    end)

    it("goes on after the last one seen", function()
        local first = geo.near({ lat = 10, lng = 20, limit = 1 })[1]
        local hits = geo.near({ lat = 10, lng = 20, after_distance_m = first.distance_m,
            after_id = first.id })
        assert.same({ id_of(2) }, { hits[1].id, hits[2] })
    end)

    it("tells the same as JSON", function()
        local text, count = geo.near_json({ lat = 10, lng = 20, radius_km = 1 })
        assert.equal(1, count)
        assert.same({ { id = id_of(1), distanceKm = 0 } }, json.decode(text))
    end)

    it("says whether the index was loaded", function()
        assert.is_boolean(geo.is_loaded())
    end)
end)
