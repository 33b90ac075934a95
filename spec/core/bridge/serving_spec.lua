-- What Lua may cost, through the real master and workers: a generation of routes made to misbehave.
local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

local BOOT = [[
local kept
local steps = { up = 0, turns = 0 }
local function route(path, run)
    return { id = path:gsub("%W", ""), method = "GET", path = path, run = run }
end
return {
    routes = {
        route("/ok", function() return 200, "{}" end),
        route("/pid", function() return 200, tostring(require("core.info").pid) end),
        route("/loop", function() local x = 0 while true do x = x + 1 end end),
        route("/loop-in-pcall", function()
            while true do pcall(function() while true do end end) end
        end),
        route("/pattern-bomb", function()
            return 200, tostring((("a"):rep(64)):find(("a?"):rep(40) .. ("a"):rep(64) .. "b"))
        end),
        route("/memory-bomb", function()
            local s = ("x"):rep(1000000)
            while true do s = s .. s end
        end),
        route("/recursion", function() local function f() return 1 + f() end return f() end),
        -- Begins a little higher each time, so that the stack ends at another place of a frame.
        route("/recursion-from-higher", function()
            local function f() return 1 + f() end
            local function from(...) return f(), ... end
            steps.up = steps.up + 1
            return from(unpack({}, 1, steps.up))
        end),
        route("/recursion-ending-in-a-table", function()
            local function f() local ok = pcall(f) error({ "deep", ok }) end
            f()
        end),
        route("/turns", function() return 200, tostring(steps.turns) end),
        route("/global", function() oops = 1 end),
        route("/keep", function(creq) kept = creq return 200, "{}" end),
        route("/kept", function() return 200, kept:body() end),
        route("/bug", function() return nil + 1 end),
        route("/sleep", function() require("core.sleep")(100) return 200, "{}" end),
        route("/too-late/{word}", function(creq)
            require("core.sleep")(3500)
            kept = table.concat({ creq.method, creq.path, creq.query, creq.id, creq.peer,
                creq.route, creq.params.word, tostring(pcall(creq.body, creq)) }, " ")
        end),
        route("/too-late", function() return 200, kept or "" end),
        route("/fields", function(creq)
            return 200, table.concat({ creq.method, creq.path, creq.query, creq.id, creq.peer,
                creq.route, tostring(next(creq.params)), tostring(creq.nothing) }, " ")
        end),
        route("/sleep-for-ever", function() require("core.sleep")(60000) return 200, "{}" end),
        route("/nothing", function() end),
        route("/table", function() return 200, { list = { 1, { a = "b" } }, none = {} } end),
        route("/no-json", function() return 200, { route } end),
        route("/require-io", function() return 200, tostring(pcall(require, "io")) end),
        route("/cjson", function() return 200, tostring(pcall(require, "cjson")) end),
        route("/climb", function() return 200, tostring(pcall(require, "..conf.souk")) end),
    },
    timers = {
        {
            name = "busy for three turns", every_ms = 20, idle_ms = 60000,
            run = function()
                steps.turns = steps.turns + 1
                return steps.turns <= 3
            end,
        },
    },
}
]]

describe("A worker that runs Lua", function()
    local server

    setup(function()
        local dir = os.getenv("SOUK_HOME") .. "/misbehaving"
        shell.must("mkdir -p " .. shell.quote(dir))
        shell.write(dir .. "/boot.lua", BOOT)
        server = server_process.start({
            db = database.fresh(),
            set = {
                ["lua.dir"] = dir, ["plugins.dir"] = dir .. "/none", ["http.workers"] = 2,
                ["lua.resume_budget_ms"] = 200, ["lua.stuck_kill_ms"] = 1000,
                ["lua.memory_max_bytes"] = 33554432,
                ["http.request_timeout_ms"] = 3000,
            },
        })
    end)

    teardown(function()
        server:stop()
    end)

    local function get(path)
        return client.request({ port = server.port, path = path })
    end

    -- Several times each, so that the loop is compiled when it is stopped.
    for _, path in ipairs({ "/loop", "/loop-in-pcall" }) do
        it("stops " .. path .. " with 503 and serves on in the same process", function()
            local before = server:workers()
            for _ = 1, 3 do
                local reply = get(path)
                assert.equal(503, reply.status)
                assert.equal("busy", reply.json.code)
                assert.equal(200, get("/ok").status)
            end
            assert.same(before, server:workers())
            assert.matches("lua/boot.lua:", server:log(), 1, true)
        end)
    end

    it("is killed and replaced when it is stuck in C", function()
        local before = server:workers()
        pcall(get, "/pattern-bomb")
        shell.wait_until("a new worker serves", 40, function()
            local now = server:workers()
            table.sort(before)
            table.sort(now)
            if #now ~= #before or table.concat(now, " ") == table.concat(before, " ") then
                return false
            end
            for _ = 1, 20 do
                if get("/ok").status ~= 200 then
                    return false
                end
            end
            return true
        end)
        assert.matches("worker.stuck", server:log(), 1, true)
    end)

    local refused = {
        { "/memory-bomb", "not enough memory" },
        { "/recursion", "stack overflow" },
        { "/global", "global 'oops' written" },
        { "/bug", "lua/boot.lua:" },
        { "/nothing", "neither a status nor an error" },
        { "/no-json", "functions, coroutines and userdata have no JSON" },
    }
    for _, case in ipairs(refused) do
        it("answers " .. case[1] .. " with 500 without internals, and logs the cause", function()
            local reply = get(case[1])
            assert.equal(500, reply.status)
            assert.equal("internal", reply.json.code)
            assert.is_nil(reply.body:find("lua", 1, true))
            assert.matches(case[2], server:log(), 1, true)
            assert.equal(200, get("/ok").status)
        end)
    end

    it("outlives a full stack, wherever in a frame it ends", function()
        local before = server:workers()
        for _ = 1, 40 do
            assert.equal(500, get("/recursion-from-higher").status)
        end
        for _ = 1, 5 do
            assert.is_truthy(({ [500] = true, [503] = true })[
                get("/recursion-ending-in-a-table").status])
        end
        assert.same(before, server:workers())
    end)

    it("makes a kept request an error, not a dangling pointer", function()
        for _ = 1, 4 do
            get("/keep")
        end
        local reply = get("/kept")
        assert.equal(500, reply.status)
    end)

    for _, path in ipairs({ "/require-io", "/cjson", "/climb" }) do
        it("does not reach the machine through " .. path, function()
            assert.matches("^false", get(path).body)
        end)
    end

    it("runs waiting requests beside one another", function()
        local entries = {}
        for i = 1, 50 do
            entries[i] = { port = server.port, path = "/sleep" }
        end
        local started = require("core.clock").monotonic_us()
        for _, reply in ipairs(client.parallel(entries)) do
            assert.equal(200, reply.status)
        end
        assert.is_true(require("core.clock").monotonic_us() - started < 4.5e6)
    end)

    it("gives a route what was asked, as it asks for it", function()
        local reply = client.request({
            port = server.port, path = "/fields?a=b", headers = { ["X-Request-Id"] = "mine" },
        })
        assert.equal("GET /fields a=b mine 127.0.0.1 fields nil nil", reply.body)
    end)

    it("rests as long as a timer says after a turn in which there was nothing to do", function()
        shell.wait_until("three turns and one more, in whichever worker", 30, function()
            return get("/turns").json == 4
        end)
        shell.run("sleep 0.2")
        for _ = 1, 10 do
            assert.is_true(get("/turns").json <= 4)
        end
    end)

    it("leaves one who outlives his deadline what was asked, and nothing of the wire", function()
        local reply = client.request({
            port = server.port, path = "/too-late/word?a=b",
            headers = { ["X-Request-Id"] = "mine" },
        })
        assert.equal(503, reply.status)
        -- Two workers: ask until the one that ran it answers.
        local told = shell.wait_until("the handler's end", 20, function()
            local body = get("/too-late").body
            return body ~= "" and body
        end)
        assert.equal("GET /too-late/word a=b mine 127.0.0.1 tooLateword word false",
            (told:gsub("^(GET %S+ %S+ %S+ %S+) %S+ ", "%1 tooLateword ")))
    end)

    it("makes JSON of a table that a route returns", function()
        assert.equal('{"list":[1,{"a":"b"}],"none":{}}', get("/table").body)
    end)

    it("answers at the deadline when a handler waits for ever", function()
        local reply = get("/sleep-for-ever")
        assert.equal(503, reply.status)
        assert.equal("statement_timeout", reply.json.code)
    end)
end)
