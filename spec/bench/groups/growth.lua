--- What a request costs as the marketplace grows: more products, more vendors.
local buying = require("spec.bench.groups.buying")
local loads = require("spec.bench.loads")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")
local reads = require("spec.bench.groups.reads")

local growth = {}

local CLIENTS = 16

local SIZES = {
    full = { { "10k", 10000 }, { "100k", 100000 }, { "1M", 1000000 } },
    quick = { { "1k", 1000 }, { "10k", 10000 } },
}
local VENDORS = 1000
local FEW = 10
local MANY = { full = { 10000, 10000 }, quick = { 1000, 1000 } } -- vendors, and products of theirs

--- All sizes are made in one way, so that they differ in nothing else.
local function catalogue(vendors, products)
    return place.database(vendors, products, true)
end

local function gets(what, paths_of)
    return function(database)
        local server = place.server(database, reads.uncached())
        return { { name = "souk", pids = server.pids,
            run = loads.gets(server.port, paths_of(database), CLIENTS) } }, what
    end
end

local list = gets("list", function()
    return { "/api/products?limit=20" }
end)

local detail = gets("detail", function(database)
    return reads.paths("/api/products/", reads.ids(database))
end)

local function add(database)
    return { buying.adder(database, place.server(database, reads.uncached()), CLIENTS) }, "add"
end

local function checkout(database)
    return { buying.buyer(database, place.server(database, reads.uncached()), CLIENTS) }, "checkout"
end

local ASKED = {
    full = { { "list", list }, { "detail", detail }, { "add", add }, { "checkout", checkout } },
    quick = { { "list", list }, { "checkout", checkout } },
}

local function measure(size, vendors, products, asked)
    for _, entry in ipairs(asked) do
        plan.add({
            group = "growth", what = entry[1], size = size, clients = CLIENTS, seconds = 1.5,
            count = 1,
            contestants = function()
                return (entry[2](catalogue(vendors, products)))
            end,
        })
    end
end

function growth.growth()
    local mode = plan.is_quick and "quick" or "full"
    for _, size in ipairs(SIZES[mode]) do
        plan.step("growth", ("a catalogue of %s products"):format(size[1]), function()
            catalogue(VENDORS, size[2])
        end)
        measure(size[1], VENDORS, size[2], ASKED[mode])
    end
    local many, products = unpack(MANY[mode])
    for _, vendors in ipairs({ FEW, many }) do
        measure(("%d vendors"):format(vendors), vendors, products,
            plan.is_quick and { { "list", list } } or { { "list", list }, { "detail", detail } })
    end
end

return growth
