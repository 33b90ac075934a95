--- Work that is done again and again inside the server: by one process of the cluster (leader), or by every worker.
local db = require("souk.db")
local log = require("core.log")

local timers = {}

local list = {}

--- timer: {name = "orders.expire", every_ms = 1000, leader = true, run = function() end}.
function timers.add(timer)
    list[#list + 1] = timer
end

local function sweep(name, every_ms)
    timers.add({
        name = name:gsub("/", "."),
        every_ms = every_ms,
        leader = true,
        run = function()
            local _, problem = db.exec(name)
            if problem then
                log.warn("timer.sweep.failed", { query = name, code = problem.code })
            end
        end,
    })
end

--- What the kit itself keeps tidy, and all that was added.
function timers.all()
    sweep("rate/sweep", 60000)
    sweep("login/sweep", 60000)
    sweep("idempotency/sweep", 600000)
    sweep("session/sweep", 3600000)
    return list
end

return timers
