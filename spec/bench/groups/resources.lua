--- Memory of a worker, idle and under load and after many requests, and how long a start takes.
local loads = require("spec.bench.loads")
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")
local reads = require("spec.bench.groups.reads")
local socket = require("socket")

local resources = {}

local PARTS = 10

local function rss_mb(server)
    local most = 0
    for _, pid in ipairs(server.pids()) do
        most = math.max(most, machine.rss_kb(pid) / 1024)
    end
    return most
end

--- count requests, a third each of a fixed answer, a detail and a list; memory after each part.
local function long_run(server, database, count)
    local paths = { "/api/bench/fixed", "/api/products?limit=20" }
    for _, path in ipairs(reads.paths("/api/products/", reads.ids(database))) do
        paths[#paths + 1] = path
        paths[#paths + 1] = "/api/bench/fixed"
    end
    local run = loads.gets(server.port, paths, 16)
    local curve, done = {}, 0
    for part = 1, PARTS do
        while done < count * part / PARTS do
            done = done + run(math.min(10, math.max(1, count / PARTS / 20000))).requests
        end
        curve[part] = { done, rss_mb(server) }
        plan.say(("after %d requests: %.1f MB"):format(done, rss_mb(server)))
    end
    return curve
end

function resources.memory()
    plan.step("memory", "memory of a worker with the demo marketplace", function()
        local database = place.database(0, 0)
        local server = place.server(database)
        socket.sleep(1)
        plan.facts.idle_mb = rss_mb(server)
        plan.say(("idle: %.1f MB"):format(plan.facts.idle_mb))
        local count = plan.count or (plan.is_quick and 20000 or 300000)
        plan.facts.memory_curve = long_run(server, database, count)
        local curve = plan.facts.memory_curve
        plan.facts.memory_requests = curve[PARTS][1]
        plan.facts.loaded_mb = curve[PARTS][2]
        -- The first tenth is what a worker takes to know its routes; from there on it is to stay.
        plan.facts.memory_growth = curve[PARTS][2] / curve[1][2]
    end)
end

local STARTS = 5

function resources.start()
    plan.step("start", "from start to the first answer, demo marketplace", function()
        local database = place.database(0, 0)
        local took_ms = {}
        for i = 1, plan.is_quick and 3 or STARTS do
            place.stop_servers()
            local began_s = socket.gettime()
            local server = place.server(database, { ["http.workers"] = 1 })
            assert(place.get(server.port, "/api/products?limit=20") == 200)
            took_ms[i] = (socket.gettime() - began_s) * 1000
        end
        plan.facts.start_ms = plan.median(took_ms)
        plan.say(("ready and answered in %.0f ms"):format(plan.facts.start_ms))
    end)
end

return resources
