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

--- Which fields the body had, null or not; nil where none is parsed.
local function given_in(sent)
    if not sent then
        return nil
    end
    local given = {}
    for name in pairs(sent) do
        given[name] = true
    end
    return given
end

local meta = {
    __index = function(req, name)
        local value
        if LATE[name] then
            value = req.creq[LATE[name]]
        elseif EMPTY[name] then
            value = {}
        elseif name == "given" then
            value = given_in(req.sent)
        else
            return methods[name]
        end
        req[name] = value
        return value
    end,
}

--- creq, query_text and the rest: the bridge's (core/bridge/serve.c), raw and if_match of what may
--- have a body. decl: its route's, compiled.
function request.of(creq, decl, query_text, raw, if_match)
    -- What most requests come to have is named, so that there is room for it from the start: for
    -- eight, a ninth would double it.
    local req = {
        creq = creq, query_text = query_text, params = nil, query = nil, body = nil, user = nil,
        shows = nil, version = nil,
    }
    if decl.has_body then
        req.raw = raw
        req.if_match = if_match and input.versions(if_match)
    elseif decl.raw_body then
        req.raw = raw
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
    copy.given, copy.sent, copy.creq = req.given, nil, nil
    return copy
end

return request
