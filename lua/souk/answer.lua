--- What a handler returned, made into status, body and headers. A body is nil, a text, or a value
-- of which the bridge makes JSON.
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

--- Status, body and headers, which may be nil, of what a handler returned.
function answer.of(value)
    if getmetatable(value) ~= reply_mark then
        return 200, value
    end
    return value.status, value.value, value.headers
end

--- {status, body as a text, headers}, for one that is kept for a replay; or what is no answer.
function answer.kept(status, body, headers)
    if not status then
        return nil, body
    end
    return { status = status, body = text_of(body), headers = headers }
end

--- The same of an error.
function answer.of_error(req, e)
    local status, body = err.reply(req, e)
    return { status = status, body = body }
end

local function header_of(headers, name)
    return headers and headers[name]
end

--- Raises when the answer is not what the route declares (env = test). What goes out as something
--- else than JSON has no schema.
function answer.check(decl, status, body, headers)
    local declared = decl.answers[status]
    if declared == nil then
        error(("route %s answered %d, which it does not declare"):format(decl.id, status), 0)
    elseif declared == true or body == nil or header_of(headers, "Content-Type") then
        return
    end
    local value, problem = json.decode_marked(tostring(text_of(body)))
    if value ~= nil then
        local _, faults = declared.check(value)
        problem = faults and json.encode(faults)
    end
    if problem then
        log.error("web.answer.invalid", { route = decl.id, problem = problem })
        error(("route %s: its answer breaks its schema: %s"):format(decl.id, problem), 0)
    end
end

--- Headers with those given, of which neither may be there.
local function joined(headers, given)
    if not headers or not given then
        return headers or given
    end
    for name, value in pairs(given) do
        headers[name] = value
    end
    return headers
end

--- What the bridge sends: status, body, headers; and where the route or the
-- handler wants an ETag, its version (req.version, or the header Version) or "", whether the answer
-- is this user's own, and what it shows if the handler said that in req.shows: kinds and ids in
-- turn (core/bridge/answers.h). The bridge makes the ETag of it, answers 304 in place of a copy
-- that the client has, and names JSON what has no Content-Type.
function answer.finish(req, decl, given, status, body, headers)
    local version = header_of(headers, "Version") or (status == 200 and decl.etag and
        (req.version or ""))
    headers = joined(headers, given)
    if body == nil or not version then
        return status, body, headers
    end
    if headers then
        headers.Version = nil
    end
    return status, body, headers, version, req.user ~= nil, req.shows
end

return answer
