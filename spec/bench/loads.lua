--- Ways to ask: wrk for GETs as fast as they go, load.c for requests in an order with bodies and
-- tokens or at a given rate, pgbench for the database alone. Each gives figures: {requests,
-- seconds, p50_ms, p95_ms, p99_ms} and raises when something was refused.
local cjson = require("cjson")
local machine = require("spec.bench.machine")
local percentile = require("spec.bench.percentile")
local place = require("spec.bench.place")

local loads = {}

local PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"

local files = 0

local function new_file(kind, text)
    files = files + 1
    local path = ("%s/%s.%d"):format(place.HOME, kind, files)
    machine.write(path, text)
    return path
end

--- paths: a list, asked in turn. Gives a function that asks for so many seconds.
function loads.gets(port, paths, clients)
    local path = new_file("paths", table.concat(paths, "\n") .. "\n")
    return function(seconds)
        local text = machine.sh(("BENCH_PATHS=%s wrk -t1 -c%d -d%ds --timeout 10s --latency "
            .. "-s spec/bench/wrk.lua http://127.0.0.1:%d/"):format(path, clients,
            math.max(1, math.ceil(seconds)), port))
        local requests, took_s, p50, p95, p99 = text:match(
            "figures (%S+) (%S+) (%S+) (%S+) (%S+)")
        return {
            requests = tonumber(requests), seconds = tonumber(took_s), p50_ms = tonumber(p50),
            p95_ms = tonumber(p95), p99_ms = tonumber(p99),
        }
    end
end

function loads.text(method, path, token, body, headers)
    local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: bench" }
    if token then
        lines[#lines + 1] = "Authorization: Bearer " .. token
    end
    for name, value in pairs(headers or {}) do
        lines[#lines + 1] = name .. ": " .. value
    end
    if body then
        body = type(body) == "table" and cjson.encode(body) or body
        lines[#lines + 1] = "Content-Type: application/json"
        lines[#lines + 1] = "Content-Length: " .. #body
    end
    return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

--- A file of requests for load.c: entries {connection, status, label, text}.
function loads.file(entries)
    local parts = {}
    for i, entry in ipairs(entries) do
        parts[i] = ("%d %d %s %d\n%s"):format(entry[1], entry[2], entry[3], #entry[4], entry[4])
    end
    return new_file("requests", table.concat(parts))
end

--- Runs load.c; figures by label. rate: requests a second, or 0. seconds 0: once through.
-- is_lenient: other statuses are counted (others), not refused. On a schedule each is told how
-- late this machine woke one who only slept (idle_ms, the p99).
function loads.run(port, clients, seconds, rate, file, is_lenient)
    local text = machine.sh(("%s/load %d %d %.3f %.3f %s"):format(
        place.HOME, port, clients, seconds, rate, file))
    local by_label = {}
    for label, n, others, took_s, p50, p95, p99 in text:gmatch(
        "(%S+) (%d+) (%d+) (%S+) (%S+) (%S+) (%S+) %S+\n") do
        by_label[label] = {
            requests = tonumber(n), others = tonumber(others), seconds = tonumber(took_s),
            p50_ms = tonumber(p50), p95_ms = tonumber(p95), p99_ms = tonumber(p99),
        }
        assert(is_lenient or others == "0", "some requests were refused:\n" .. text)
    end
    for _, figures in pairs(by_label) do
        figures.idle_ms = by_label.idle and by_label.idle.p99_ms
    end
    return by_label
end

-- pgbench ----------------------------------------------------------------------------------------

--- A statement of sql/queries with its parameters replaced by what pgbench calls them.
function loads.statement(name, values)
    local text = machine.read("sql/queries/" .. name .. ".sql"):gsub("%-%-[^\n]*\n", "")
    return (text:gsub("%$(%d+)", function(number)
        return values[tonumber(number)] or error(name .. " has a parameter $" .. number)
    end))
end

local function percentiles(folder)
    local all = {}
    local pipe = io.popen(("cat %s/pgbench_log.* 2>/dev/null"):format(folder))
    for line in pipe:lines() do
        all[#all + 1] = tonumber(line:match("^%d+ %d+ (%d+)")) / 1000
    end
    pipe:close()
    table.sort(all)
    return percentile(all, 0.5) or 0, percentile(all, 0.95) or 0, percentile(all, 0.99) or 0
end

--- Runs a pgbench script; a transaction of it counts as `each` requests. times: how often a client
-- runs it, in place of so many seconds.
function loads.pgbench(database, script, clients, each, defines, times)
    local path = new_file("pgbench", script)
    local words = {}
    for name, value in pairs(defines or {}) do
        words[#words + 1] = ("-D %s=%s"):format(name, machine.quote(value))
    end
    return function(seconds)
        local folder = place.HOME .. "/pgbench.log"
        machine.sh("rm -rf " .. folder .. " && mkdir -p " .. folder)
        local text = machine.sh(("cd %s && %s -n -M prepared -l -c %d -j 1 %s %s -f %s %s")
            :format(folder, PGBENCH, clients, times and "-t " .. times
                or "-T " .. math.max(1, math.ceil(seconds)), table.concat(words, " "),
            path, machine.quote(place.url(database))))
        local n = tonumber(text:match("actually processed: (%d+)"))
        local tps = tonumber(text:match("tps = (%S+)"))
        local failed = tonumber(text:match("failed transactions: (%d+)")) or 0
        assert(n and n > 0 and failed == 0, text)
        local p50, p95, p99 = percentiles(folder)
        return {
            requests = n * (each or 1), seconds = n / tps, p50_ms = p50, p95_ms = p95, p99_ms = p99,
        }
    end
end

return loads
