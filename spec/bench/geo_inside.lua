--- The index through the Lua interface, inside a worker (`souk spec`): loads SOUK_GEO_QUERY's table
-- and prints what geo.lua asks for. Run by spec/bench/geo.lua.
local ffi = require("ffi")
local geo = require("core.geo")
local percentile = require("spec.bench.percentile")
local sleep = require("core.sleep")

ffi.cdef("typedef struct { long s, ns; } souk_time; int clock_gettime(int, souk_time *);")

local ACTIVE, RARE = 1, 2
local QUERIES = os.getenv("SOUK_BENCH_MODE") == "quick" and 4000 or 20000
local time = ffi.new("souk_time")

local function clock_us(which)
    ffi.C.clock_gettime(which, time)
    return tonumber(time.s) * 1e6 + tonumber(time.ns) / 1e3
end

local function now_us()
    return clock_us(1)
end

--- Of this thread: rates of changes are what one core can take.
local function cpu_us()
    return clock_us(3)
end

local function say(...)
    local fields = { ... }
    for i, field in ipairs(fields) do
        fields[i] = tostring(field)
    end
    io.stdout:write(table.concat(fields, "\t"), "\n")
    io.stdout:flush()
end

--- Points to ask around: near the points themselves, as many in towns as they.
local function centers()
    local list = {}
    for line in io.lines(os.getenv("SOUK_GEO_CENTERS")) do
        local lat, lng = line:match("(%S+) (%S+)")
        list[#list + 1] = { tonumber(lat), tonumber(lng) }
    end
    return list
end

--- p50, p95, p99 in us, queries a second, touched.
local function measure(list, call)
    local took, touched = {}, 0
    for i = 1, QUERIES do
        local center = list[i % #list + 1]
        local began = now_us()
        call(center[1], center[2])
        took[i] = now_us() - began
        local nodes, leaves = geo.work()
        touched = touched + nodes + leaves
    end
    local total = 0
    for i = 1, QUERIES do
        total = total + took[i]
    end
    table.sort(took)
    return percentile(took, 0.5), percentile(took, 0.95), percentile(took, 0.99),
        QUERIES / total * 1e6, touched / QUERIES
end

local searches = {
    { "knn20", { limit = 20, mask = ACTIVE } },
    { "knn100", { limit = 100, mask = ACTIVE } },
    { "25 km", { limit = 20, mask = ACTIVE, radius_km = 25 } },
    { "knn20 of 1 in 250", { limit = 20, mask = ACTIVE + RARE } },
    { "knn20, nobody passes", { limit = 20, mask = ACTIVE + 4 } },
}

local function measure_searches(list)
    for _, search in ipairs(searches) do
        local name, query = unpack(search)
        for _, kind in ipairs({ "near", "near_json" }) do
            local near = geo[kind]
            say("search", kind, name, measure(list, function(lat, lng)
                query.lat, query.lng = lat, lng
                return near(query)
            end))
        end
    end
end

local function measure_changes(list)
    local ids = {}
    for i = 1, 2000 do
        local center = list[i % #list + 1]
        ids[i] = geo.near({ lat = center[1], lng = center[2], limit = 1 })[1]
    end
    local began = cpu_us()
    local count = 200000
    for i = 1, count do
        local center = list[i % #list + 1]
        geo.put(ids[i % #ids + 1].id, center[1] * 0.999 + i * 1e-7, center[2], ACTIVE)
        if i % 1000 == 0 then
            sleep(0)
        end
    end
    say("rate", "moves", count / (cpu_us() - began) * 1e6)
    while geo.stats().is_packing do
        sleep(1)
    end
    geo.pack()
    local known, shops = {}, {}
    for i = 1, #ids do
        local center = list[i % #list + 1]
        local hit = geo.near({ lat = center[1], lng = center[2], limit = 1 })[1]
        if not known[hit.id] then
            known[hit.id] = true
            shops[#shops + 1] = hit.id
        end
    end
    began = cpu_us()
    count = 400000
    for i = 1, count do
        geo.mark(shops[i % #shops + 1], i % (2 * #shops) < #shops and 1 or 3)
    end
    say("rate", "toggles", count / (cpu_us() - began) * 1e6)
end

--- Searches while so many moves a second go on.
local function measure_beside_moves(list, per_s)
    local query, next_us, i = { limit = 20, mask = ACTIVE }, now_us(), 0
    say("search", "near", "knn20 beside " .. per_s .. " moves/s", measure(list, function(lat, lng)
        query.lat, query.lng = lat, lng
        return geo.near(query)
    end))
    local took = {}
    for n = 1, QUERIES do
        while next_us < now_us() do
            next_us, i = next_us + 1e6 / per_s, i + 1
            local center = list[i % #list + 1]
            geo.put(("ffffffff-0000-4000-8000-%012x"):format(i % 5000), center[1], center[2], 1)
        end
        if n % 500 == 0 then
            sleep(0)
        end
        local center = list[n % #list + 1]
        query.lat, query.lng = center[1], center[2]
        local began = now_us()
        geo.near(query)
        took[n] = now_us() - began
    end
    table.sort(took)
    say("beside", per_s, percentile(took, 0.5), percentile(took, 0.99))
end

describe("geo", function()
    it("is measured", function()
        local list = centers()
        local began = now_us()
        local snapshot, problem = geo.load("geo/load")
        assert(snapshot, problem)
        geo.swap()
        say("load", (now_us() - began) / 1e6, geo.count(), geo.stats().tree_bytes / geo.count())
        geo.cursor(snapshot)
        measure_searches(list)
        measure_changes(list)
        measure_beside_moves(list, 1000)
        local nodes = { geo.use("generic") }
        assert(nodes[1])
        local query = { limit = 20, mask = ACTIVE }
        say("search", "near, plain C", "knn20", measure(list, function(lat, lng)
            query.lat, query.lng = lat, lng
            return geo.near(query)
        end))
    end)
end)
