local clock = require("core.clock")
local database = require("spec.support.database")
local feed_sweep = require("flows.feed_sweep")

local MINUTE_US = 60e6

describe("sweeping the table of changes", function()
    local own = database.own()

    local function count()
        return own:value("select count(*) from feed_changes")
    end

    it("ends what every node has read, and nothing that was committed later", function()
        local now_us = clock.monotonic_us()
        own:query("truncate feed_changes; insert into feed_changes (kind) values ('product')")
        feed_sweep.run(now_us)
        own:query("insert into feed_changes (kind) values ('vendor')")
        feed_sweep.run(now_us + 4 * MINUTE_US)
        assert.equal(2, count())
        feed_sweep.run(now_us + 6 * MINUTE_US)
        assert.equal("vendor", own:value("select kind from feed_changes"))
        feed_sweep.run(now_us + 20 * MINUTE_US)
        assert.equal(0, count())
    end)
end)
