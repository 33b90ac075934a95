--- GETs: souk's routes beside the peers, by clients, and at half of the peak.
local cjson = require("cjson")
local loads = require("spec.bench.loads")
local peers = require("spec.bench.peers")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")

local reads = {}

reads.CLIENTS = { 1, 16, 64, 512 }
reads.PEAK_CLIENTS = 64
reads.VENDORS, reads.PRODUCTS = 100, 10000

local IDS = 64

--- Settings of a server that keeps no answers.
function reads.uncached()
    return { ["cache.size_mb"] = 0 }
end

function reads.database()
    return place.database(reads.VENDORS, reads.PRODUCTS)
end

--- Ids of products on sale, spread over all.
function reads.ids(database)
    local ids = {}
    for id in place.sql(database, ([[select id from product_public
        order by md5(id::text) limit %d]]):format(IDS)):gmatch("[%x%-]+") do
        ids[#ids + 1] = id
    end
    return ids
end

function reads.paths(prefix, ids)
    local paths = {}
    for i, id in ipairs(ids) do
        paths[i] = prefix .. id
    end
    return paths
end

--- Requests of so many connections in turn, for load.c.
function reads.request_file(paths, clients)
    local entries = {}
    for i, path in ipairs(paths) do
        for c = 0, clients - 1 do
            entries[#entries + 1] = { (c + i) % clients, 200, "get", loads.text("GET", path) }
        end
    end
    return loads.file(entries)
end

--- Runs warm(seconds) before the first round, until the server has compiled what it runs: what is
-- in node takes longer for that.
function reads.warmer(server, warm)
    local is_warm = false
    return function()
        if not is_warm then
            warm(server.is_node and (plan.is_quick and 0.6 or 3) or 0.4)
            is_warm = true
        end
    end
end

--- Asked with wrk.
local function contestant(name, server, paths, clients)
    return {
        name = name, pids = server.pids, run = loads.gets(server.port, paths, clients),
        prepare = reads.warmer(server, function(seconds)
            loads.run(server.port, 16, seconds, 0, reads.request_file(paths, 16))
        end),
    }
end

--- who: {souk = paths, peer = paths, nestjs = paths or nil}. Adds souk, souk without its cache, and
-- the peers.
local function contestants(database, who, clients, is_cacheable)
    local list = {}
    local function add(name, server, paths)
        if server then
            list[#list + 1] = contestant(name, server, paths, clients)
        end
    end
    if is_cacheable then
        add("souk, cached", place.server(database), who.souk)
        add("souk", place.server(database, reads.uncached()), who.souk)
    else
        add("souk", place.server(database), who.souk)
    end
    add("nginx + lua", peers.nginx_lua(database), who.peer)
    add("node + pg", peers.node(database), who.peer)
    if who.nestjs and clients == reads.PEAK_CLIENTS and not plan.is_quick then
        add("NestJS", peers.nestjs(database), who.nestjs)
    end
    return list
end

local function sweep(group, what, paths_of, options)
    for _, clients in ipairs(plan.is_quick and { reads.PEAK_CLIENTS } or reads.CLIENTS) do
        plan.add({
            group = group, what = what, size = "10k", clients = clients, seconds = 2,
            count = options.is_cacheable and 4 or 3,
            contestants = function()
                local database = reads.database()
                local list = contestants(database, paths_of(database), clients,
                    options.is_cacheable)
                if options.ceiling and clients == reads.PEAK_CLIENTS then
                    list[#list + 1] = { name = "pgbench, pipelined",
                        run = options.ceiling(database) }
                end
                return list
            end,
        })
    end
end

--- At half of the peak, on a schedule: what waiting there is, is the server's.
local function half_load(group, what, paths_of)
    plan.step(group, what .. " at half of the peak", function(set)
        local peak = assert(plan.find(group, what, "souk", "10k", reads.PEAK_CLIENTS),
            "the peak is not known")
        local database = reads.database()
        local server = place.server(database, reads.uncached())
        local file = reads.request_file(paths_of(database).souk, reads.PEAK_CLIENTS)
        local rounds = {}
        place.settle()
        for _ = 1, plan.rounds() do
            rounds[#rounds + 1] = plan.measured(server.pids, function()
                return loads.run(server.port, reads.PEAK_CLIENTS, plan.seconds(3), peak.rate / 2,
                    file).get
            end)
        end
        table.sort(rounds, function(a, b)
            return a.p99_ms < b.p99_ms
        end)
        plan.keep({ group = group, what = set.what, size = "10k", clients = reads.PEAK_CLIENTS },
            "souk", rounds[math.ceil(#rounds / 2)])
    end)
end

function reads.http()
    sweep("http", "a Lua route without database", function()
        return { souk = { "/api/bench/fixed" }, peer = { "/fixed" } }
    end, {})
end

local function detail_paths(database)
    local ids = reads.ids(database)
    return { souk = reads.paths("/api/products/", ids), peer = reads.paths("/", ids),
        nestjs = reads.paths("/products/", ids) }
end

local DEPTH = 32

local function detail_ceiling(database)
    local lines = { "\\startpipeline" }
    for i, id in ipairs(reads.ids(database)) do
        if i <= DEPTH then
            lines[#lines + 1] = loads.statement("product/detail", { "'" .. id .. "'" })
        end
    end
    lines[#lines + 1] = "\\endpipeline"
    return loads.pgbench(database, table.concat(lines, "\n"), 2, DEPTH)
end

function reads.detail()
    sweep("detail", "GET /api/products/{id}", detail_paths,
        { is_cacheable = true, ceiling = detail_ceiling })
    half_load("detail", "GET /api/products/{id}", detail_paths)
end

local function list_paths()
    return { souk = { "/api/products?limit=20" }, peer = { "/" }, nestjs = { "/products" } }
end

local LIST_DEPTH = 8

local function list_ceiling(database)
    local statement = loads.statement("product/newest", { "null", "null", "20", "0" })
    local lines = { "\\startpipeline" }
    for _ = 1, LIST_DEPTH do
        lines[#lines + 1] = statement
    end
    lines[#lines + 1] = "\\endpipeline"
    return loads.pgbench(database, table.concat(lines, "\n"), 2, LIST_DEPTH)
end

function reads.list()
    sweep("list", "GET /api/products?limit=20", list_paths,
        { is_cacheable = true, ceiling = list_ceiling })
    half_load("list", "GET /api/products?limit=20", list_paths)
end

--- Vendors nearby beside a body of the same size that is only sent.
function reads.nearby()
    local clients = reads.PEAK_CLIENTS
    plan.add({
        group = "nearby", what = "GET /api/vendors/nearby", size = "10k vendors", clients = clients,
        seconds = 3, count = 2,
        contestants = function()
            local database = place.database(10000, 10000)
            local server = place.server(database, reads.uncached())
            local paths = {}
            for lat, lng in place.sql(database, [[select round(lat_deg::numeric, 3) || ' '
                || round(lon_deg::numeric, 3) from vendors where status = 'ACTIVE'
                and lat_deg is not null order by md5(id::text) limit 64]]):gmatch(
                "(%S+) (%S+)\n") do
                paths[#paths + 1] = ("/api/vendors/nearby?lat=%s&lng=%s&radiusKm=25"):format(
                    lat, lng)
            end
            local bytes = 0
            for _, path in ipairs(paths) do
                local status, body = place.get(server.port, path)
                assert(status == 200 and cjson.decode(body).data, body)
                bytes = bytes + #body / #paths
            end
            plan.facts.nearby_bytes = math.floor(bytes)
            local fixed = { ("/api/bench/body?bytes=%d"):format(bytes) }
            return {
                contestant("souk", server, paths, clients),
                contestant("souk, a fixed body", server, fixed, clients),
            }
        end,
    })
end

return reads
