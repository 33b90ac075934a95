--- Lines of one turn of the loop go out together: none may be lost by that, in whatever way the
--- process ends.
local client = require("spec.support.client")
local database = require("spec.support.database")
local json = require("core.json")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")
local socket = require("socket")

local BOOT = [[
local clock = require("core.clock")
local function route(path, run)
    return { id = path:sub(2), method = "GET", path = path, run = run }
end
return {
    routes = {
        route("/ok", function() return 200, "{}" end),
        route("/pid", function() return 200, tostring(require("core.info").pid) end),
        route("/busy", function()
            local until_us = clock.monotonic_us() + 300000
            while clock.monotonic_us() < until_us do end
            return 200, "{}"
        end),
        route("/stuck", function()
            return 200, tostring((("a"):rep(64)):find(("a?"):rep(40) .. ("a"):rep(64) .. "b"))
        end),
    },
    timers = {},
}
]]

describe("the access log", function()
    local server

    before_each(function()
        local dir = os.getenv("SOUK_HOME") .. "/logging"
        shell.must("mkdir -p " .. shell.quote(dir))
        shell.write(dir .. "/boot.lua", BOOT)
        server = server_process.start({
            db = database.fresh(),
            set = {
                ["lua.dir"] = dir, ["plugins.dir"] = dir .. "/none", ["http.workers"] = 1,
                ["lua.resume_budget_ms"] = 5000, ["lua.stuck_kill_ms"] = 20000,
                ["log.level"] = "info",
            },
        })
    end)

    after_each(function()
        server:stop()
    end)

    local function get(path, id)
        return client.request({
            port = server.port, path = path, headers = { ["X-Request-Id"] = id },
        })
    end

    --- The lines of requests, by their ids.
    local function lines()
        local by_id = {}
        for line in server:log():gmatch("[^\n]+") do
            local read = json.decode(line)
            if read and read.event == "http.request" then
                by_id[read.request_id] = read
            end
        end
        return by_id
    end

    it("has a line for each request with what happened to it", function()
        local before = os.time()
        get("/ok?secret=1", "one")
        get("/nowhere", "two")
        shell.wait_until("both lines are there", 20, function()
            return lines().one and lines().two
        end)
        local one, two = lines().one, lines().two
        assert.same({ "GET", "/ok", "ok", 200 }, { one.method, one.path, one.route, one.status })
        assert.is_true(one.dur_ms > 0 and one.dur_ms < (os.time() - before + 1) * 1000)
        assert.is_true(one.bytes_out > 2)
        assert.equal(0, one.bytes_in)
        assert.same({ "/nowhere", "unmatched", 404 }, { two.path, two.route, two.status })
    end)

    it("counts each route and status apart", function()
        for _ = 1, 3 do
            get("/ok")
        end
        get("/nowhere")
        local metrics = client.request({ port = server.metrics_port, path = "/metrics" }).body
        assert.truthy(metrics:find(
            'http_requests_total{route="ok",method="GET",code="200"} 3', 1, true), metrics)
        assert.truthy(metrics:find(
            'http_requests_total{route="unmatched",method="GET",code="404"} 1', 1, true))
        assert.truthy(metrics:find(
            'http_request_duration_seconds_count{route="ok",method="GET"} 3', 1, true))
    end)

    it("keeps the lines of a burst when the server stops", function()
        local entries = {}
        for i = 1, 200 do
            entries[i] = {
                port = server.port, path = "/ok", headers = { ["X-Request-Id"] = "burst" .. i },
            }
        end
        client.parallel(entries)
        server:stop()
        local by_id = lines()
        for i = 1, 200 do
            assert.truthy(by_id["burst" .. i], "no line of request " .. i)
        end
    end)

    --- Sends without waiting for the answer.
    local function send(path, id)
        local sock = assert(socket.connect("127.0.0.1", server.port))
        assert(sock:send(("GET %s HTTP/1.1\r\nHost: spec\r\nX-Request-Id: %s\r\n\r\n"):format(
            path, id)))
        return sock
    end

    -- While the worker is busy two requests come, so that one turn finds both: the first is
    -- answered, and the second never lets that turn end.
    it("has the line of a request answered in the turn in which the process is aborted", function()
        local pid = get("/pid").body
        local socks = { send("/busy", "busy") }
        socket.sleep(0.1)
        socks[2] = send("/ok", "held")
        socks[3] = send("/stuck", "stuck")
        assert(socks[2]:receive("*l"))
        shell.must("prlimit --core=0 --pid " .. pid .. " && kill -ABRT " .. pid)
        shell.wait_until("the lines are there", 20, function()
            return lines().held and lines().busy
        end)
        assert.is_nil(lines().stuck)
        shell.wait_until("a new worker serves", 30, function()
            return get("/ok").status == 200
        end)
    end)
end)
