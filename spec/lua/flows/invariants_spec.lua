--- The rules of the books, watched by the leader.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.invariants", function()
    local w, made

    setup(function()
        w = world.start({ set = { ["invariants.every_s"] = 1 } })
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    --- {rule = violations} of /metrics.
    local function gauges()
        local found = {}
        local page = client.request({ port = w.server.metrics_port, path = "/metrics" }).body or ""
        for name, value in page:gmatch('souk_invariant_violations{name="([%w_]+)"} (%S+)') do
            found[name] = tonumber(value)
        end
        return found
    end

    local function wait_for(name, value)
        shell.wait_until(("%s is %d"):format(name, value), 20, function()
            return gauges()[name] == value
        end)
    end

    local function tamper(sql)
        w.db:query("begin; set local session_replication_role = replica; " .. sql .. "; commit")
    end

    it("are a gauge each, 0 included", function()
        for _, row in ipairs(w:assert_invariants().data) do
            wait_for(row.name, 0)
        end
    end)

    local function reserve(change)
        tamper(("update product_stock set reserved = reserved + %d where product_id = '%s'")
            :format(change, made.thing_a.id))
    end

    it("raise their gauge and an alert in the log when broken, until they hold again", function()
        reserve(1)
        wait_for("reserved_is_explained", 1)
        assert.is_false(w:expect(200, "GET", "/api/admin/invariants", w:admin()).ok)
        w.server:logged('"event":"invariant.broken"', true)
        assert.truthy(w.server:log():find(made.thing_a.id, 1, true))
        reserve(-1)
        wait_for("reserved_is_explained", 0)
    end)

    it("are counted once when another process leads", function()
        reserve(1)
        wait_for("reserved_is_explained", 1)
        w.db:query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' "
            .. "and granted and objid::bigint = " .. 0x736f756b .. " and database = "
            .. "(select oid from pg_database where datname = current_database())")
        w.server:logged('"event":"leader.lost"', true, 20)
        wait_for("reserved_is_explained", 1)
        reserve(-1)
        wait_for("reserved_is_explained", 0)
    end)
end)
