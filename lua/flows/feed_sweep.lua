--- Ends rows of feed_changes that every node has read. Their age would not say it, for they are
--- seen when their transaction ends, however old they are then: so a horizon of transactions that
--- had ended is remembered, and what lies before it goes once every node has looked since, or knows
--- that it must forget all it keeps (core/db/feed.c).
local clock = require("core.clock")
local db = require("souk.db")
local log = require("core.log")

local feed_sweep = {}

--- Above the gap that core/db/feed.c takes for a loss.
local READ_BY_ALL_US = 300e6

--- Oldest first: {at_us, xmin}.
local horizons = {}

--- The newest of the horizons that all have read; it and older ones are forgotten.
local function take(now_us)
    local taken
    while horizons[1] and now_us - horizons[1].at_us >= READ_BY_ALL_US do
        taken = table.remove(horizons, 1)
    end
    return taken
end

--- One turn of the leader's timer. now_us: specs only.
function feed_sweep.run(now_us)
    now_us = now_us or clock.monotonic_us()
    local row, problem = db.one("feed/horizon")
    if row then
        horizons[#horizons + 1] = { at_us = now_us, xmin = row.xmin }
    end
    local horizon = take(now_us)
    if row and horizon then
        row, problem = db.exec("feed/sweep", horizon.xmin)
    end
    if not row then
        log.warn("feed.sweep.failed", { code = problem.code })
    end
end

return feed_sweep
