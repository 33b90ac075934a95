--- The clock of the server, which specs may shift.
local clock = require("core.clock")

local time = {}

--- Milliseconds since 1970, UTC. Example: assert(time.now_ms() > 0)
function time.now_ms()
    return clock.now_ms()
end

--- RFC 3339 UTC with milliseconds; of now, or of ms.
--- Example: assert(time.rfc3339(0) == "1970-01-01T00:00:00.000Z")
function time.rfc3339(ms)
    return clock.rfc3339(ms)
end

return time
