--- What a search in the geo index touches: nodes and leaves of the tree, the same in every run.
local geo = require("core.geo")
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")
local sleep = require("core.sleep")

local POINTS, TOWNS, QUERIES = 100000, 400, 400
local ACTIVE, RARE = 1, 2
local RADIANS = math.pi / 180

local function somewhere()
    return math.asin(2 * math.random() - 1) / RADIANS, math.random() * 360 - 180
end

--- Around the town by half a degree or so, most of them near its middle.
local function near_town(towns)
    local town = towns[math.floor(math.random() ^ 2 * #towns) + 1]
    local spread = math.random() * math.random() * 0.5
    local angle = math.random() * 2 * math.pi
    return math.max(-90, math.min(90, town[1] + spread * math.cos(angle))),
        town[2] + spread * math.sin(angle)
end

local function fill()
    math.randomseed(5)
    local towns = {}
    for i = 1, TOWNS do
        towns[i] = { somewhere() }
    end
    geo.clear()
    for number = 1, POINTS do
        local lat, lng = near_town(towns)
        geo.put(("00000000-0000-4000-8000-%012x"):format(number), lat, lng,
            number % 250 == 0 and ACTIVE + RARE or ACTIVE)
    end
    -- What the changes themselves have begun to pack ends first.
    shell.wait_until("the index is packed", 30, function()
        sleep(10)
        return not geo.stats().is_packing
    end)
    geo.pack()
    return towns
end

local cases = {
    { "the 20 nearest", { limit = 20, mask = ACTIVE } },
    { "20 within 25 km", { limit = 20, mask = ACTIVE, radius_km = 25 } },
    { "the 20 nearest of one in 250", { limit = 20, mask = ACTIVE + RARE } },
    { "the 100 nearest", { limit = 100, mask = ACTIVE } },
    { "nobody who passes", { limit = 20, mask = 4 } },
}

describe("a search among 100000 places", function()
    local towns

    setup(function()
        towns = fill()
    end)

    teardown(function()
        geo.clear()
    end)

    for _, case in ipairs(cases) do
        local name, query = unpack(case)
        it("touches no more nodes and leaves than its budget: " .. name, function()
            math.randomseed(6)
            local touched = 0
            for _ = 1, QUERIES do
                query.lat, query.lng = near_town(towns)
                geo.near(query)
                local nodes, leaves = geo.work()
                touched = touched + nodes + leaves
            end
            gate.check("nodes and leaves", name, touched / QUERIES, 0.02)
            gate.finish()
        end)
    end
end)
