--- What a handler returned, made into status, body and headers.
local err = require("souk.err")
local json = require("core.json")
local log = require("core.log")

local answer = {}

local reply_mark = {}

--- A handler's reply. headers.Version is not sent: it becomes a part of the ETag.
function answer.reply(status, value, headers)
    return setmetatable({ status = status, value = value, headers = headers }, reply_mark)
end

--- What C has as text (core/bridge/json.h) goes out as it is.
local function text_of(value)
    if value == nil or type(value) == "string" or type(value) == "userdata" then
        return value
    end
    return json.encode(value)
end

--- {status, body, headers, which may be nil} of what a handler returned.
function answer.of(value)
    if getmetatable(value) ~= reply_mark then
        return { status = 200, body = text_of(value) }
    end
    return { status = value.status, body = text_of(value.value), headers = value.headers }
end

--- The same of an error, for one that is kept for a replay.
function answer.of_error(req, e)
    local status, body = err.reply(req, e)
    return { status = status, body = body }
end

local function header_of(made, name)
    return made.headers and made.headers[name]
end

--- Raises when the answer is not what the route declares (env = test). What goes out as something
--- else than JSON has no schema.
function answer.check(decl, made)
    local declared = decl.answers[made.status]
    if declared == nil then
        error(("route %s answered %d, which it does not declare"):format(decl.id, made.status), 0)
    elseif declared == true or not made.body or header_of(made, "Content-Type") then
        return
    end
    local value, problem = json.decode_marked(tostring(made.body))
    if value ~= nil then
        local _, faults = declared.check(value)
        problem = faults and json.encode(faults)
    end
    if problem then
        log.error("web.answer.invalid", { route = decl.id, problem = problem })
        error(("route %s: its answer breaks its schema: %s"):format(decl.id, problem), 0)
    end
end

--- Whether this answer carries an ETag.
local function has_etag(decl, made)
    return made.body and (header_of(made, "Version") or (decl.etag and made.status == 200))
end

--- made's headers and those given, of which neither may be there.
local function joined(made, headers)
    if not made.headers or not headers then
        return made.headers or headers
    end
    for name, value in pairs(headers) do
        made.headers[name] = value
    end
    return made.headers
end

--- What the bridge sends: status, body, headers with those given added; and where the route or the
-- handler wants an ETag, its version or "", whether the answer is this user's own, and what it
-- shows if the handler said that in req.shows: kinds and ids in turn (core/bridge/answers.h). The
-- bridge makes the ETag of it, answers 304 in place of a copy that the client has, and names JSON
-- what has no Content-Type.
function answer.finish(req, decl, made, headers)
    headers = joined(made, headers)
    if not has_etag(decl, made) then
        return made.status, made.body, headers
    end
    local version = header_of(made, "Version") or ""
    if headers then
        headers.Version = nil
    end
    return made.status, made.body, headers, version, req.user ~= nil, req.shows
end

return answer
