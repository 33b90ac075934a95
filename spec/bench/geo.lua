--- `./souk bench geo`: the index through the Lua interface beside the nearest of PostgreSQL's own.
-- What it gets and prints is said in README.md (parts).
local percentile = require("spec.bench.percentile")
local redis = require("spec.bench.redis")

local MODE, PEERS = os.getenv("SOUK_BENCH_MODE") or "quick", os.getenv("SOUK_BENCH_PEERS")
local HOME, ADMIN = os.getenv("SOUK_BENCH_HOME") or "/tmp", os.getenv("SOUK_BENCH_ADMIN")
local BINARY = os.getenv("SOUK_BINARY") or "build/release/souk"
local DATABASE = "souk_geo_points"

local SIZES = {
    quick = { { 10000, "10k points" }, { 100000, "100k points" } },
    full = { { 10000, "10k points" }, { 100000, "100k points" }, { 1000000, "1M points" },
        { 10000000, "10M points" } },
}
--- Peers are asked at the largest of these that is measured.
local PEER_SIZE = { quick = 100000, full = 1000000 }

local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function tell(format, ...)
    io.stderr:write("geo: ", format:format(...), "\n")
end

local function say(...)
    local fields = { ... }
    for i, field in ipairs(fields) do
        fields[i] = type(field) == "number" and ("%.2f"):format(field) or field
    end
    io.stdout:write(table.concat(fields, "\t"), "\n")
    io.stdout:flush()
end

local function capture(command)
    local pipe = assert(io.popen(command .. " && echo @done"))
    local text = pipe:read("*a")
    pipe:close()
    local output = text:match("^(.*)@done\n$")
    return assert(output, "failed: " .. command .. "\n" .. text)
end

local function url()
    return (ADMIN:gsub("dbname=%S+", "")) .. " dbname=" .. DATABASE
end

local function psql(conninfo, arguments)
    return capture(("psql -X -q -A -t -v ON_ERROR_STOP=1 -d %s %s 2>&1"):format(quote(conninfo),
        arguments))
end

local function make_database()
    psql(ADMIN, ('-c "drop database if exists %s" -c "create database %s"'):format(DATABASE,
        DATABASE))
    capture(("DATABASE_URL=%s %s migrate >/dev/null"):format(quote(url()), BINARY))
end

local function split(line)
    local fields = {}
    for field in (line .. "\t"):gmatch("([^\t]*)\t") do
        fields[#fields + 1] = tonumber(field) or field
    end
    return fields
end

--- Fills the table and measures one size: what geo_inside.lua printed, by kind and name.
local function measure(points)
    local centers = HOME .. "/centers"
    tell("%d points into the table", points)
    psql(url(), ("-v points=%d -f spec/bench/geo_fill.sql"):format(points))
    psql(url(), ('-c "select lat_deg, mod((lon_deg + 540.003)::numeric, 360) - 180 '
        .. 'from vendor_places tablesample system (%g) order by md5(vendor_id::text) limit 5000" '
        .. '-F " " -o %s'):format(
        math.min(100, 1e7 / points), quote(centers)))
    tell("searches among %d points", points)
    local found = {}
    for line in capture(("DATABASE_URL=%s SOUK_GEO_CENTERS=%s %s spec --conf conf/test.conf "
        .. "spec/bench/geo_inside.lua"):format(quote(url()), quote(centers), BINARY))
        :gmatch("[^\n]+") do
        local f = split(line)
        if f[1] == "search" then
            found[f[2] .. " " .. f[3]] = { p50 = f[4], p95 = f[5], p99 = f[6], rate = f[7],
                touched = f[8] }
        else
            found[f[1] .. (f[1] == "rate" and " " .. f[2] or "")] = f
        end
    end
    return found
end

local function report(size, found)
    for _, name in ipairs({ "near knn20", "near_json knn20", "near knn100", "near 25 km",
        "near_json 25 km", "near knn20 of 1 in 250", "near knn20, nobody passes",
        "near, plain C knn20" }) do
        local row = assert(found[name], name)
        say("row", "geo." .. name, size, row.p50, row.p95, row.p99, row.rate)
    end
    local beside, load = found.beside, found.load
    say("row", "geo.near knn20 beside 1000 moves/s", size, beside[3], "-", beside[4], "-")
    say("row", "geo.put, moves", size, "-", "-", "-", found["rate moves"][3])
    say("row", "geo.mark, toggles", size, "-", "-", "-", found["rate toggles"][3])
    say("note", ("geo, %s: loaded in %.2f s, %.1f bytes a point and 16 for its id, "
        .. "%.1f nodes and leaves for the 20 nearest"):format(size, load[2], load[4],
        found["near knn20"].touched))
end

local function figures_of(took)
    table.sort(took)
    return { p50 = percentile(took, 0.5), p95 = percentile(took, 0.95),
        p99 = percentile(took, 0.99) }
end

--- The first of the places that were asked for before.
local function some_centers(count)
    local list = {}
    for line in io.lines(HOME .. "/centers") do
        list[#list + 1] = { line:match("(%S+) (%S+)") }
        if #list == count then
            break
        end
    end
    return list
end

--- As an application asks: a prepared statement over the socket.
local function peer_in_postgres(name, centers)
    local path = HOME .. "/peer.sql"
    local file = assert(io.open(path, "w"))
    file:write("\\o /dev/null\n\\timing on\n")
    for _, center in ipairs(centers) do
        file:write(("execute nearest (%s, %s);\n"):format(center[1], center[2]))
    end
    file:close()
    local took = {}
    local output = psql(url(), ("-v peer=%s -f spec/bench/geo_peers.sql -f %s"):format(
        name, quote(path)))
    for ms in output:gmatch("Time: ([%d.]+)") do
        took[#took + 1] = tonumber(ms) * 1000
    end
    assert(#took == #centers, "not all were answered")
    return figures_of(took)
end

local LAT_MAX = 85

local function peer_redis(centers)
    local points = HOME .. "/points"
    psql(url(), ('-F " " -c "select lon_deg, lat_deg, vendor_id from vendor_places '
        .. 'where abs(lat_deg) < %d" -o %s'):format(LAT_MAX, quote(points)))
    local within = {}
    for _, center in ipairs(centers) do
        if math.abs(tonumber(center[1])) < LAT_MAX then
            within[#within + 1] = center
        end
    end
    return figures_of(redis.measure(HOME, points, within,
        "BYRADIUS 25 km ASC COUNT 20 WITHDIST"))
end

local function has_extension(name)
    return psql(url(), ([[-c "select count(*) from pg_available_extensions where name = '%s'"]])
        :format(name)):find("1") ~= nil
end

--- {name, title, of ours, is it there, measure(centers)}
local PEER_LIST = {
    { "postgis", "PostGIS k-NN", "knn20", function()
        return (PEERS == "yes" or MODE == "full") and has_extension("postgis")
    end, function(centers) return peer_in_postgres("postgis", centers) end },
    { "cube", "cube k-NN", "knn20", function() return has_extension("cube") end,
        function(centers) return peer_in_postgres("cube", centers) end },
    { "redis", "Redis, 25 km, no filter", "25 km", function()
        return PEERS == "yes" and redis.is_there()
    end, peer_redis },
}

--- The round in the middle: PostgreSQL builds its trees of such indexes partly by lot.
local function median_of(measure_it, centers)
    local rounds = {}
    for i = 1, MODE == "quick" and 1 or 3 do
        rounds[i] = measure_it(centers)
    end
    table.sort(rounds, function(a, b)
        return a.p50 < b.p50
    end)
    return rounds[math.ceil(#rounds / 2)]
end

local function measure_peers(size, ours)
    local found, centers = {}, some_centers(MODE == "quick" and 100 or 300)
    for _, one in ipairs(PEER_LIST) do
        local name, title, like, is_there, measure_it = unpack(one)
        if is_there() then
            tell("%s at %s", title, size)
            local row = median_of(measure_it, centers)
            found[name] = row
            say("row", title, size, row.p50, row.p95, row.p99, "-")
            for _, kind in ipairs({ "near", "near_json" }) do
                say("note", ("geo.%s is %.0f times %s at %s"):format(kind,
                    row.p50 / ours[kind .. " " .. like].p50, title, size))
            end
        end
    end
    return found
end

local function goal(text, op, bound, value, format)
    say("goal", "1", text, value and format:format(value) or "not measured", value or "-", op,
        tostring(bound))
end

local function goals(results, peers)
    local million, ten_million = results[1000000], results[10000000]
    local largest = million or results[100000]
    local ours = largest["near knn20"]
    local is_full = million ~= nil
    for _, kind in ipairs({ "near_json", "near" }) do
        local p50 = largest[kind .. " knn20"].p50
        goal(("geo.%s is so many times PostGIS k-NN, at 1M"):format(kind), ">=", 200,
            is_full and peers.postgis and peers.postgis.p50 / p50, "%.0f x")
        goal(("geo.%s is so many times cube k-NN, at 1M"):format(kind), ">=", 100,
            is_full and peers.cube and peers.cube.p50 / p50, "%.0f x")
    end
    goal("nodes and leaves for k = 20, at 1M", "<=", 12, is_full and ours.touched, "%.1f")
    goal("p50 at 10M over p50 at 10k", "<=", 4, ten_million
        and ten_million["near knn20"].p50 / results[10000]["near knn20"].p50, "%.1f x")
    goal("bytes a point with the locator", "<=", 44, largest.load[4], "%.1f")
    goal("seconds until 1M are loaded", "<=", 2, is_full and million.load[2], "%.2f s")
    goal("k = 100 over k = 20", "<=", 6, largest["near knn100"].p50 / ours.p50, "%.1f x")
    goal("a filter of 1 in 250 over none", "<=", 4,
        largest["near knn20 of 1 in 250"].p50 / ours.p50, "%.1f x")
    goal("moves a second", ">=", 50000, largest["rate moves"][3], "%.0f")
    goal("toggles a second", ">=", 1000000, largest["rate toggles"][3], "%.0f")
    goal("p99 beside 1000 moves a second over p99 idle", "<=", 2, largest.beside[4] / ours.p99,
        "%.1f x")
end

local function main()
    make_database()
    local results, peers = {}, {}
    for _, size in ipairs(SIZES[MODE]) do
        local points, name = unpack(size)
        results[points] = measure(points)
        report(name, results[points])
        if points == PEER_SIZE[MODE] then
            peers = measure_peers(name, results[points])
        end
    end
    goals(results, peers)
    psql(ADMIN, ('-c "drop database %s"'):format(DATABASE))
end

main()
