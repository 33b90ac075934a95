--- What the specs of core/http talk to: an application of a few handlers, booted by
-- `souk stripe-emulator --set plugins.dir=spec/core/http/app`, the one server without a database.
local json = require("core.json")
local sleep = require("core.sleep")

local BODY_MAX = 4 * 1024 * 1024
local REPLY_MAX = 16 * 1024 * 1024

local routes = {}
local dispatched = 0

local function route(method, path, run, body_max)
    routes[#routes + 1] = {
        id = method .. " " .. path,
        method = method,
        path = path,
        body_max = body_max,
        run = function(creq)
            dispatched = dispatched + 1
            return run(creq)
        end,
    }
end

local function seen(creq)
    local body = creq:body()
    return 200, json.encode({
        method = creq.method, path = creq.path, query = creq.query, params = creq.params,
        route = creq.route, peer = creq.peer, id = creq.id, length = #body,
        trace = creq:header("traceparent"), last = body:sub(-8),
    })
end

for _, method in ipairs({ "GET", "POST", "PUT", "PATCH", "DELETE" }) do
    route(method, "/seen", seen)
end
route("POST", "/large", seen, BODY_MAX)

route("GET", "/dispatched", function()
    return 200, json.encode({ count = dispatched })
end)

route("GET", "/wait/{ms}", function(creq)
    sleep(tonumber(creq.params.ms))
    return seen(creq)
end)

route("GET", "/bytes/{count}", function(creq)
    local count = math.min(tonumber(creq.params.count), REPLY_MAX)
    return 200, ("x"):rep(count), { ["Content-Type"] = "text/plain" }
end)

route("GET", "/empty/{status}", function(creq)
    return tonumber(creq.params.status), "not to be sent"
end)

route("GET", "/none/{status}", function(creq)
    return tonumber(creq.params.status)
end)

--- Gives the header the bytes that the query names by their codes: /header?97.13.10.98
route("GET", "/header", function(creq)
    local value = creq.query:gsub("%d+", function(code)
        return string.char(tonumber(code))
    end):gsub("%.", "")
    return 200, "{}", { ["X-Given"] = value, ["X-Sound"] = "yes" }
end)

for _, path in ipairs({
    "/r/a", "/r/{x}", "/r/{x}/b", "/r/a/{y}/c", "/r/{x}/{y}", "/r/a/list", "/r/{x}/d/{y}/{z}",
}) do
    route("GET", path, seen)
end
route("POST", "/r/{x}", seen)
route("DELETE", "/r/{id}/{line}", seen)

return {
    routes = routes,
    timers = {},
    openapi = function()
        return "{}"
    end,
}
