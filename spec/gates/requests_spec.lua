--- What one request of each hot route costs that can be counted: statements and round trips (seen
-- by a proxy before PostgreSQL), and allocations (counted in place of malloc).
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")

local WARM, COUNT, WINDOWS = 40, 40, 3
local KEPT = { ["GET /api/products/{id}"] = true, ["GET /api/products"] = true,
    ["a route without database"] = true }

local function start_proxy(db)
    local folder = os.getenv("SOUK_HOME") .. "/proxy"
    shell.must("mkdir -p " .. folder)
    local real = db.url:match("host='([^']+)'") .. "/.s.PGSQL.5432"
    shell.background(folder, ("luajit spec/gates/proxy.lua %s %s"):format(
        shell.quote(real), folder))
    shell.wait_until("the proxy", 10, function()
        return shell.read(folder .. "/counts")
    end)
    return folder
end

local function stop_proxy(folder)
    shell.run("kill " .. shell.read(folder .. "/pid"))
end

--- How often each statement and each flight has been so far.
local function database_counts(folder)
    local counts = {}
    for key, count in shell.read(folder .. "/counts"):gmatch("(%l+ %S+) (%d+)\n") do
        counts[key] = tonumber(count)
    end
    return counts
end

--- Those of one kind that every request did; what a worker does by itself is less often, and is
-- left out.
local function each_did(kind, before, after)
    local sum = 0
    for key, count in pairs(after) do
        if key:find("^" .. kind) then
            sum = sum + math.floor((count - (before[key] or 0)) / COUNT + 0.1)
        end
    end
    return sum
end

local function build_counter()
    local path = os.getenv("SOUK_HOME") .. "/allocations.so"
    shell.must("gcc -O1 -shared -fPIC -o " .. path .. " spec/gates/allocations.c")
    return path
end

local function allocations(path)
    local bytes, value = shell.read(path), 0
    for i = 8, 1, -1 do
        value = value * 256 + bytes:byte(i)
    end
    return value
end

--- The least of the windows: what else a worker does meanwhile only adds.
local function least(measure)
    local best
    for _ = 1, WINDOWS do
        local value = measure()
        best = best and math.min(best, value) or value
    end
    return best
end

describe("one request", function()
    local db, proxy, counts_path, server, buyers, shelf, routes, conn, asked

    local function start(set)
        counts_path = os.getenv("SOUK_HOME") .. "/allocations"
        server = gate.server({
            db = { url = db.url:gsub("host='[^']+'", "host='" .. proxy .. "'") },
            set = set,
            wrapper = ("env LD_PRELOAD=%s SOUK_ALLOCATIONS=%s"):format(
                build_counter(), counts_path),
        })
        conn = gate.connect(server.port)
    end

    local function stop()
        conn:close()
        server:stop()
        gate.finish()
    end

    setup(function()
        db = gate.marketplace()
        proxy = start_proxy(db)
        buyers = gate.buyers(db, WARM + COUNT * WINDOWS)
        shelf = gate.shelf(db, 40)
        routes = gate.routes(shelf, buyers)
        asked = 0
    end)

    teardown(function()
        stop_proxy(proxy)
    end)

    local function ask(route, count)
        conn:ask_route(route, count, asked)
        asked = asked + count
    end

    --- Statements, flights and allocations a request.
    local function count(route)
        asked = 0
        gate.prepare(route, { db = db, conn = conn, shelf = shelf, buyers = buyers })
        ask(route, WARM)
        local statements, flights = math.huge, math.huge
        local allocated = least(function()
            local before, allocated_before = database_counts(proxy), allocations(counts_path)
            ask(route, COUNT)
            local allocated_after, after = allocations(counts_path), database_counts(proxy)
            statements = math.min(statements, each_did("statement", before, after))
            flights = math.min(flights, each_did("flight", before, after))
            return (allocated_after - allocated_before) / COUNT
        end)
        return statements, flights, allocated
    end

    local function check_all(suffix, is_wanted)
        for _, route in ipairs(routes) do
            if is_wanted(route[1]) then
                local statements, flights, allocated = count(route)
                gate.check("statements", route[1] .. suffix, statements, 0)
                gate.check("round trips", route[1] .. suffix, flights, 0)
                gate.check("allocations", route[1] .. suffix, allocated, 0.1)
            end
        end
    end

    it("asks the database no more often and allocates no more than its budget", function()
        start({ ["cache.size_mb"] = 0 })
        check_all("", function() return true end)
        stop()
    end)

    it("does not ask the database for what is kept", function()
        start({ ["cache.size_mb"] = 32 })
        check_all(", kept", function(name) return KEPT[name] end)
        stop()
    end)
end)
