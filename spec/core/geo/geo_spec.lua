local geo = require("core.geo")

local EARTH_RADIUS_M = 6371008.8

local london = { 51.5074, -0.1278 }
local paris = { 48.8566, 2.3522 }
local new_york = { 40.7128, -74.0060 }
local tokyo = { 35.6762, 139.6503 }
local sydney = { -33.8688, 151.2093 }
local santiago = { -33.4489, -70.6693 }
local bengaluru = { 12.9716, 77.5946 }
local mumbai = { 19.0760, 72.8777 }
local suva = { -18.1248, 178.4501 }
local apia = { -13.8333, -171.7667 }
local reykjavik = { 64.1466, -21.9426 }
local singapore = { 1.3521, 103.8198 }
local quito = { -0.1807, -78.4678 }

local function distance_m(a, b)
    return geo.distance_m(a[1], a[2], b[1], b[2])
end

describe("core.geo.distance_m", function()
    -- Made with the two-argument arc tangent on the same sphere, another formula than ours.
    local known = {
        { "London to Paris", london, paris, 343556.5348808836 },
        { "New York to Tokyo", new_york, tokyo, 10851747.837814117 },
        { "Sydney to Santiago", sydney, santiago, 11346730.79408552 },
        { "Bengaluru to Mumbai", bengaluru, mumbai, 845319.553259432 },
        { "Suva to Apia, over the antimeridian", suva, apia, 1149172.3800171625 },
        { "Reykjavik to London", reykjavik, london, 1889740.9288972917 },
        { "Singapore to Quito, nearly half round", singapore, quito, 19729358.814217083 },
        { "a degree of the equator", { 0, 0 }, { 0, 1 }, EARTH_RADIUS_M * math.pi / 180 },
        { "a degree of a meridian", { 50, 7 }, { 51, 7 }, EARTH_RADIUS_M * math.pi / 180 },
        { "pole to equator", { 90, 0 }, { 0, 123 }, EARTH_RADIUS_M * math.pi / 2 },
        { "pole to pole", { 90, 10 }, { -90, -40 }, EARTH_RADIUS_M * math.pi },
    }
    for _, case in ipairs(known) do
        local name, a, b, expected_m = unpack(case)
        it("measures " .. name .. " to the micrometre", function()
            assert.near(expected_m, distance_m(a, b), 1e-6)
        end)
    end

    it("is the same there and back", function()
        assert.equal(distance_m(london, tokyo), distance_m(tokyo, london))
    end)

    it("keeps the digits of small distances, where an arc cosine has none", function()
        local degree_m = EARTH_RADIUS_M * math.pi / 180
        for _, small_m in ipairs({ 1000, 1, 0.1, 0.001, 0.0001 }) do
            local measured_m = geo.distance_m(48, 11, 48 + small_m / degree_m, 11)
            assert.near(small_m, measured_m, 5e-9 + small_m * 1e-9)
        end
    end)

    it("takes longitude modulo 360", function()
        assert.equal(geo.distance_m(10, 140, 20, 30), geo.distance_m(10, 500, 20, 30 - 720))
        assert.equal(0, geo.distance_m(-17, 180, -17, -180))
        assert.equal(0, geo.distance_m(-17, 540, -17, 180))
    end)

    it("knows one place for all longitudes of a pole", function()
        assert.equal(0, geo.distance_m(90, 0, 90, 77))
        assert.equal(0, geo.distance_m(-90, -120, -90, 3.5))
    end)

    local refused = {
        { "a latitude above 90", 90.0000001, 0 },
        { "a latitude below -90", -91, 0 },
        { "a latitude that is no number", 0 / 0, 0 },
        { "a longitude that is no number", 0, 0 / 0 },
        { "an infinite longitude", 0, math.huge },
    }
    for _, case in ipairs(refused) do
        local name, lat, lng = unpack(case)
        it("refuses " .. name, function()
            assert.has_error(function()
                geo.distance_m(lat, lng, 0, 0)
            end)
            assert.has_error(function()
                geo.distance_m(0, 0, lat, lng)
            end)
        end)
    end
end)

describe("core.geo.near", function()
    after_each(geo.clear)

    it("writes ids as they were put, each digit at each place", function()
        geo.clear()
        for turn = 0, 15 do
            local digits = ("0123456789abcdef"):rep(3):sub(1 + turn, 32 + turn)
            local id = digits:gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)",
                "%1-%2-%3-%4-")
            geo.put(id, 10, 10 + turn, 1)
            local hits = geo.near({ lat = 10, lng = 10 + turn, limit = 1 })
            assert.equal(id, hits[1].id)
        end
    end)
end)
