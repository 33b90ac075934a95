--- The refusals of core/base/err.def as constructors, and the JSON a client gets for one.
-- `err.not_found("…", details)` makes an error; a route returns it as `nil, err`.
local clock = require("core.clock")
local core_err = require("core.err")
local core_stripe = require("core.stripe")
local json = require("core.json")

local err = {}

local REASONS = {
    [400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden",
    [404] = "Not Found", [405] = "Method Not Allowed", [408] = "Request Timeout",
        [409] = "Conflict",
    [410] = "Gone", [411] = "Length Required", [412] = "Precondition Failed",
    [413] = "Payload Too Large", [415] = "Unsupported Media Type", [417] = "Expectation Failed",
    [422] = "Unprocessable Entity", [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large", [500] = "Internal Server Error",
    [501] = "Not Implemented", [503] = "Service Unavailable",
}

--- The reason phrase of a status.
--- Example: assert(err.reason(404) == "Not Found")
function err.reason(status)
    return REASONS[status] or "Error"
end

--- One fault of input as the error that a client sees.
--- Example: assert(err.field("code", "is not known").status == 422)
function err.field(field, message)
    return core_err.invalid(nil, { { field = field, message = message } })
end

--- Stripe does not answer; while it is left alone, for how long.
--- Example: assert(err.stripe_away().status == 503)
function err.stripe_away(...)
    local e = core_err.stripe_away(...)
    local seconds = core_stripe.away_s()
    e.retry_after = seconds > 0 and seconds or nil
    return e
end

--- Status and body text of an error, for replies that need headers of their own or are kept for a
-- replay. The bridge writes the same shape for `nil, err`.
-- Example: local status, body = err.reply({ path = "/x", id = "r1" }, err.not_found())
function err.reply(req, e)
    local body = {
        statusCode = e.status,
        message = e.message,
        error = err.reason(e.status),
        timestamp = clock.rfc3339(),
        path = req.path,
        code = e.code,
        requestId = req.id,
    }
    if type(e.details) == "table" then
        -- what has a metatable is a list by its mark already, or text of the database
        body.details = getmetatable(e.details) and e.details or json.array(e.details)
    end
    return e.status, json.encode(body)
end

return setmetatable(err, { __index = core_err })
