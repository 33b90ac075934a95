local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local WAIT_S = 60

local LISTENER = plugin_folder.manifest("listener2", [[
    needs = { "db", "event:order.confirmed", "event:vendor_order.shipped" },
    on = {
        ["order.confirmed"] = function(event)
            require("souk.events").emit("heard", { orderId = event.data.orderId })
            return db.exec("seen/add", event.key, event.data.orderId)
        end,
        ["vendor_order.shipped"] = { retries = 1, run = function()
            error("never")
        end },
    },
]])
local MOODY = plugin_folder.manifest("moody", [[
    needs = { "db", "event:order.confirmed" },
    on = {
        ["order.confirmed"] = function(event)
            local row = db.one("try/add", event.id)
            if row.count < 2 then
                return nil, "not today"
            end
            return db.exec("seen/add", event.key, event.data.orderId)
        end,
    },
]])
local TABLE = "create table seen (key text primary key, order_id text not null);\n"
    .. "create table tries (id bigint primary key, count integer not null);\n"
local ADD = "insert into plugin_%s.seen (key, order_id) values ($1, $2);\n"
local TRY = "insert into plugin_moody.tries (id, count) values ($1::bigint, 1)\n"
    .. "on conflict (id) do update set count = tries.count + 1 returning count;\n"

local function files(name, manifest)
    return {
        ["plugin.lua"] = manifest,
        ["sql/migrations/0001_create.sql"] = TABLE,
        ["sql/queries/seen/add.sql"] = ADD:format(name),
        ["sql/queries/try/add.sql"] = TRY:gsub("moody", name),
    }
end

describe("The outbox of events", function()
    local w

    setup(function()
        w = world.start({
            set = { ["plugins.dir"] = plugin_folder.write({
                listener2 = files("listener2", LISTENER), moody = files("moody", MOODY),
            }) },
            plugins = { "listener2", "moody" },
        })
    end)
    teardown(function()
        w:stop()
    end)

    local function seen(name)
        return w.db:value(("select count(*) from plugin_%s.seen"):format(name))
    end

    local function delivery(name, kind)
        local rows = w.db:query(("select d.state, d.attempts, coalesce(d.problem, '') "
            .. "from event_deliveries as d inner join outbox_events as e on e.id = d.event_id "
            .. "where d.consumer = '%s' and e.type = '%s'"):format(name, kind))
        return rows[1] or {}
    end

    it("gives an event to each plugin that listens, once", function()
        local made = story.paid(w)
        shell.wait_until("the event", WAIT_S, function()
            return seen("listener2") == 1
        end)
        assert.equal(made.order.id, w.db:value("select order_id from plugin_listener2.seen"))
        assert.equal(1, w.db:value("select count(*) from outbox_events "
            .. "where type = 'plugin.listener2.heard'"))
        assert.same({ "DONE", "1", "" }, delivery("listener2", "order.confirmed"))
        shell.must("sleep 1")
        assert.equal(1, seen("listener2"))
    end)

    it("rolls back what a failing handler did, and does not try for ever", function()
        -- The count of tries goes with the transaction: it never gets to 2.
        shell.wait_until("another try", WAIT_S, function()
            w.db:query("update event_deliveries set next_at = now() where consumer = 'moody'")
            return tonumber(delivery("moody", "order.confirmed")[2] or 0) >= 2
        end)
        assert.same({ 0, 0 },
            { seen("moody"), w.db:value("select count(*) from plugin_moody.tries") })
        assert.equal("not today", delivery("moody", "order.confirmed")[3])
        assert.equal("NEW", delivery("moody", "order.confirmed")[1])
    end)

    it("gives an event up after its retries, and tells", function()
        local made = story.paid(w)
        story.ship(w, made.shop, made.order.vendorOrders[1].id, "PROCESSING", "SHIPPED")
        shell.wait_until("the first try", WAIT_S, function()
            w.db:query("update event_deliveries set next_at = now() where state = 'NEW'")
            return delivery("listener2", "vendor_order.shipped")[1] == "DEAD"
        end)
        assert.matches("never", delivery("listener2", "vendor_order.shipped")[3], 1, true)
        w.server:logged("event.dead", true)
    end)
end)
