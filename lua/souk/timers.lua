--- What the kit keeps tidy by itself, on the leader only.
local db = require("souk.db")
local log = require("core.log")

local timers = {}

local function sweep(query, every_ms)
    return {
        name = query:gsub("/", "."),
        every_ms = every_ms,
        leader = true,
        run = function()
            local _, problem = db.exec(query)
            if problem then
                log.warn("timer.sweep.failed", { query = query, code = problem.code })
            end
        end,
    }
end

--- These timers and those of the lists.
function timers.with(...)
    local all = {
        sweep("rate/sweep", 60000),
        sweep("login/sweep", 60000),
        sweep("idempotency/sweep", 600000),
        sweep("plugin/sweep", 3600000),
        sweep("event/sweep", 3600000),
        sweep("session/sweep", 3600000),
        sweep("session/sweep_ended", 3600000),
    }
    for _, list in ipairs({ ... }) do
        for _, timer in ipairs(list) do
            all[#all + 1] = timer
        end
    end
    return all
end

return timers
