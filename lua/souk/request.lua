--- The request as handlers have it. What most of them never ask for is read from the wire when it
-- is asked for.
local input = require("souk.input")

local request = {}

--- Its methods are no field of theirs: who holds a request cannot change them for others.
local methods = {}

function methods:header(name)
    return self.creq:header(name)
end

--- Fields that are read late, and creq's name for each.
local LATE = { id = "id", peer = "peer", method = "method", path = "path", query_text = "query" }

local meta = {
    __index = function(req, name)
        local late = LATE[name]
        if not late then
            return methods[name]
        end
        local value = req.creq[late]
        req[name] = value
        return value
    end,
}

--- creq: the bridge's (core/bridge/serve.c). decl: the compiled declaration of its route.
function request.of(creq, decl)
    local req = { creq = creq, raw = "", params = {}, query = {} }
    if decl.has_body then
        req.raw = creq:body()
        req.if_match = input.versions(creq:header("If-Match"))
    elseif decl.raw_body then
        req.raw = creq:body()
    end
    return setmetatable(req, meta)
end

--- All of its fields in a table of their own, for plugins, who get neither creq nor methods.
function request.copy(req)
    local copy = {}
    for name in pairs(LATE) do
        copy[name] = req[name]
    end
    for name, value in pairs(req) do
        copy[name] = value
    end
    copy.creq = nil
    return copy
end

return request
