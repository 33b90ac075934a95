--- The request as handlers have it. What most of them never ask for is read from the wire when it
-- is asked for.
local input = require("souk.input")

local request = {}

--- What every request has: no field of theirs, so that who holds one cannot change it for others.
local methods = { raw = "" }

function methods:header(name)
    return self.creq:header(name)
end

--- Fields that are read late, and creq's name for each; and tables that are made when somebody
--- asks for them, where nothing was sent that could be in them.
local LATE = { id = "id", peer = "peer", method = "method", path = "path", query_text = "query" }
local EMPTY = { params = true, query = true }

local meta = {
    __index = function(req, name)
        local value
        if LATE[name] then
            value = req.creq[LATE[name]]
        elseif EMPTY[name] then
            value = {}
        else
            return methods[name]
        end
        req[name] = value
        return value
    end,
}

--- creq, query_text: the bridge's (core/bridge/serve.c). decl: its route's, compiled.
function request.of(creq, decl, query_text)
    -- What most requests come to have is named, so that there is room for it from the start: for
    -- eight, a ninth would double it.
    local req = {
        creq = creq, query_text = query_text, params = nil, query = nil, body = nil, user = nil,
        shows = nil, version = nil,
    }
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
    local copy = { params = req.params, query = req.query, raw = req.raw }
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
