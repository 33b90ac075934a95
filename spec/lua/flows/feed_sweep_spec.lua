local clock = require("core.clock")
local database = require("spec.support.database")
local feed_sweep = require("flows.feed_sweep")
local shell = require("spec.support.shell")

local MINUTE_US = 60e6

describe("sweeping the table of changes", function()
    local own = database.own()

    local function count()
        return own:value("select count(*) from feed_changes")
    end

    --- Adds a row, and waits until no transaction is open that is older: a horizon is that of the
    --- whole cluster, where other specs have theirs.
    local function add(kind)
        own:query("insert into feed_changes (kind) values ('" .. kind .. "')")
        shell.wait_until("the end of older transactions", 60, function()
            return own:value("select pg_snapshot_xmin(pg_current_snapshot()) > max(xid) "
                .. "from feed_changes") == "t"
        end)
    end

    it("ends what every node has read, and nothing that was committed later", function()
        local now_us = clock.monotonic_us()
        own:query("truncate feed_changes")
        add("product")
        feed_sweep.run(now_us)
        add("vendor")
        feed_sweep.run(now_us + 4 * MINUTE_US)
        assert.equal(2, count())
        feed_sweep.run(now_us + 6 * MINUTE_US)
        assert.equal("vendor", own:value("select kind from feed_changes"))
        feed_sweep.run(now_us + 20 * MINUTE_US)
        assert.equal(0, count())
    end)
end)
