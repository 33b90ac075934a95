--- A plugin that keeps failing is switched off by itself, on all workers, and told of: in the log,
--- among the plugins, in the metrics. Checkout goes on, and an operator may switch it on again.
local client = require("spec.support.client")
local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local WAIT_S = 60

--- How a hook fails, and what the reason says of it.
local WAYS = {
    raises = { "error('no stock of luck')", "plugins/raises/plugin.lua:1: no stock of luck" },
    loops = { "while true do end", "the CPU budget of 200 ms" },
    waits = { "return assert(require('souk.db').one('thing/sleep'))", "hook checkout.check" },
}
--- Stuck in C: nothing but the end of the worker helps.
local BOMB = '(("a"):rep(64)):find(("a?"):rep(40) .. ("a"):rep(64) .. "b")'

--- Another worker's failure that is not committed yet, until somebody says go.
local PSQL = "/usr/lib/postgresql/15/bin/psql"
local HOLD = [[
begin;
select from plugins where name = 'raises' for no key update;
insert into plugin_failures (plugin, place, problem) values ('raises', 'spec', 'x');
select pg_advisory_xact_lock(4711);
do $$ begin
    while not exists (select from plugin_failures where plugin = 'go') loop
        perform pg_sleep(0.05);
    end loop;
end $$;
commit;
]]

local function folder_of(name, body)
    return {
        ["plugin.lua"] = ("local function run() %s end\n"):format(body)
            .. plugin_folder.manifest(name, [[
            needs = { "db", "hook:checkout.check" },
            hooks = { ["checkout.check"] = run },
            routes = { {
                id = "]] .. name .. [[.go", method = "GET", path = "/api/plugins/]] .. name
            .. [[/go", roles = false, summary = "Fail", answers = { [200] = true },
                handler = function() run() return {} end,
            } },
        ]]),
        ["sql/migrations/0001_create.sql"] = "create table things (id integer);\n",
        ["sql/queries/thing/sleep.sql"] = "select pg_sleep(2) is null as slept;\n",
    }
end

describe("A plugin that keeps failing", function()
    local w, shop

    setup(function()
        local plugins = { bomb = folder_of("bomb", "return " .. BOMB) }
        for name, way in pairs(WAYS) do
            plugins[name] = folder_of(name, way[1])
        end
        w = world.start({ set = {
            ["plugins.dir"] = plugin_folder.write(plugins), ["lua.resume_budget_ms"] = 200,
            ["lua.stuck_kill_ms"] = 1500,
            -- A reload comes between a failure that waits for another's row and its turn.
            ["db.lock_timeout_ms"] = 60000, ["db.statement_timeout_ms"] = 60000,
        } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function enable(name)
        w:expect(200, "POST", "/api/admin/plugins/" .. name .. "/enable", w:admin(),
            { grant = { "db", "hook:checkout.check" } })
    end

    local function entry(name)
        for _, one in ipairs(w:expect(200, "GET", "/api/admin/plugins", w:admin()).data) do
            if one.name == name then
                return one
            end
        end
    end

    local function checkout()
        local buyer = w:buyer()
        w:add(buyer, w:product(shop))
        return w:request("POST", "/api/checkout", buyer, { shippingAddress = world.ADDRESS })
    end

    local function metrics()
        return client.request({ port = w.server.metrics_port, path = "/metrics" }).body
    end

    local function assert_off(name, reason)
        shell.wait_until(name .. " is switched off", WAIT_S, function()
            return entry(name).state == "DISABLED"
        end)
        assert.matches(reason, entry(name).reason, 1, true)
        w.server:logged(('"event":"plugin.switched_off","plugin":"%s"'):format(name), true, WAIT_S)
        shell.wait_until("it is counted", WAIT_S, function()
            return metrics():find('souk_plugin_switched_off_total{plugin="' .. name .. '"} 1', 1,
                true)
        end)
        shell.wait_until("its route is gone", WAIT_S, function()
            return w:request("GET", "/api/plugins/" .. name .. "/go").status == 404
        end)
        shell.wait_until("checkout", WAIT_S, function()
            return checkout().status == 201
        end)
    end

    for name, way in pairs(WAYS) do
        it(("is switched off within seconds, and blocks checkout until then: %s"):format(name),
            function()
                local workers, blocked = w.server:workers(), 0
                enable(name)
                shell.wait_until("checkout", WAIT_S, function()
                    local answer = checkout()
                    blocked = blocked + (answer.status == 201 and 0 or 1)
                    return answer.status == 201
                end)
                assert.is_true(blocked >= 5, blocked)
                assert_off(name, way[2])
                assert.matches("failed 5 times in 60 seconds", entry(name).reason, 1, true)
                shell.wait_until("the same workers", WAIT_S, function()
                    return table.concat(workers, " ") == table.concat(w.server:workers(), " ")
                end)
            end)
    end

    it("may be switched on again, and has five failures again", function()
        enable("raises")
        assert.equal("ENABLED", entry("raises").state)
        for _ = 1, 4 do
            assert.equal(500, w:request("GET", "/api/plugins/raises/go").status)
        end
        shell.must("sleep 1.5")
        assert.equal("ENABLED", entry("raises").state)
        w:request("GET", "/api/plugins/raises/go")
        shell.wait_until("off", WAIT_S, function()
            return entry("raises").state == "DISABLED"
        end)
        shell.wait_until("checkout", WAIT_S, function()
            return checkout().status == 201
        end)
    end)

    local function go_many(name, count)
        local entries = {}
        for i = 1, count do
            entries[i] = { port = w.port, path = "/api/plugins/" .. name .. "/go" }
        end
        local statuses = {}
        for i, answer in ipairs(client.parallel(entries)) do
            statuses[i] = answer.status
        end
        return table.concat(statuses, " ")
    end

    local function assert_switched_off(name)
        shell.wait_until("off", WAIT_S, function()
            return entry(name).state == "DISABLED"
        end)
    end

    it("is served by every worker when enable answers, and counted over all of them", function()
        enable("raises")
        assert.equal("500 500 500 500 500", go_many("raises", 5))
        assert_switched_off("raises")
    end)

    it("is counted right by two workers at once, and after a reload between", function()
        enable("raises")
        local place = w.server.home .. "_other"
        shell.must("mkdir -p " .. shell.quote(place))
        shell.write(place .. "/hold.sql", HOLD)
        shell.background(place, ("%s -X -d %s -f %s"):format(PSQL, shell.quote(w.db.url),
            shell.quote(place .. "/hold.sql")))
        shell.wait_until("the other's transaction", WAIT_S, function()
            return w.db:value("select count(*) from pg_locks where objid = 4711") == 1
        end)
        assert.equal("500 500 500 500", go_many("raises", 4))
        shell.wait_until("ours waits for the other's", WAIT_S, function()
            return w.db:value("select count(*) from pg_stat_activity "
                .. "where wait_event_type = 'Lock' and datname = current_database()") > 0
        end)
        w:expect(200, "POST", "/api/admin/reload", w:admin(), {})
        assert.equal("ENABLED", entry("raises").state)
        w.db:query("insert into plugin_failures (plugin, place, problem) values ('go', '', '')")
        assert_switched_off("raises")
    end)

    it("in C is killed with its worker, replaced at once, and switched off at once", function()
        enable("bomb")
        local before = w.server:workers()
        local answer = w:request("GET", "/api/plugins/bomb/go")
        assert.equal(0, answer.status)
        local log = w.server:log()
        assert.matches('"event":"worker.stuck"', log, 1, true)
        assert.matches("plugins/bomb/plugin.lua:", log, 1, true)
        shell.wait_until("a new worker", 20, function()
            local now = w.server:workers()
            return #now == #before and table.concat(now, " ") ~= table.concat(before, " ")
        end)
        assert_off("bomb", "a worker was stuck in route bomb.go (plugins/bomb/plugin.lua:")
    end)
end)
