--- How often a limited route may be asked by one address or user, counted by the minute in
-- PostgreSQL so that all workers and nodes share the count.
local clock = require("core.clock")
local db = require("souk.db")
local err = require("souk.err")

local rate = {}

local MINUTE_S = 60

--- Counts this request. limit: {per_minute = n, by = "ip" or "user"}. Returns the headers to send
-- with any answer, and an err when it is one too many.
function rate.take(route_id, limit, req)
    local who = limit.by == "user" and req.user and req.user.id or req.peer
    local results, problem = db.batch({ { "rate/take", route_id .. " " .. tostring(who) } })
    if not results then
        return {}, problem
    end
    local requests = results[1][1].requests
    local reset_s = MINUTE_S - math.floor(clock.now_ms() / 1000) % MINUTE_S
    local headers = {
        ["RateLimit-Limit"] = tostring(limit.per_minute),
        ["RateLimit-Remaining"] = tostring(math.max(0, limit.per_minute - requests)),
        ["RateLimit-Reset"] = tostring(reset_s),
    }
    if requests <= limit.per_minute then
        return headers
    end
    local refusal = err.rate_limited()
    refusal.retry_after = reset_s
    return headers, refusal
end

return rate
