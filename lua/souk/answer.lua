--- What a handler returned, made into status, body and headers.
local crypto = require("core.crypto")
local err = require("souk.err")
local json = require("core.json")
local log = require("core.log")

local answer = {}

local reply_mark = {}

--- A handler's reply. headers.Version is not sent: it becomes a part of the ETag.
function answer.reply(status, value, headers)
    return setmetatable({ status = status, value = value, headers = headers }, reply_mark)
end

local function text_of(value)
    if value == nil or type(value) == "string" then
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
    local value, problem = json.decode_marked(made.body)
    if value ~= nil then
        local _, faults = declared.check(value)
        problem = faults and json.encode(faults)
    end
    if problem then
        log.error("web.answer.invalid", { route = decl.id, problem = problem })
        error(("route %s: its answer breaks its schema: %s"):format(decl.id, problem), 0)
    end
end

local function etag_of(made)
    local version = header_of(made, "Version")
    local hash = crypto.fingerprint(made.body)
    return ('"%s%s"'):format(version and version .. "-" or "", hash)
end

--- True when the client has this copy already.
local function is_known(req, etag)
    local wanted = (req.method == "GET" or req.method == "HEAD") and req:header("If-None-Match")
    return wanted and (wanted == "*" or wanted:find(etag, 1, true) ~= nil)
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

--- Status, body and headers to send: where the route or the handler wants it with an ETag, and 304
-- in place of a copy that the client has. headers are added. The bridge names what has no
-- Content-Type JSON. What others get too (core/bridge/answers.h) is always whole, with what it
-- shows if the handler said that in req.shows: kinds and ids in turn.
function answer.finish(req, decl, made, headers)
    headers = joined(made, headers)
    if not has_etag(decl, made) then
        return made.status, made.body, headers
    end
    local etag = etag_of(made)
    headers = headers or {}
    headers.Version = nil
    headers.ETag = etag
    headers["Cache-Control"] = req.user and "private, no-cache" or "no-cache"
    if decl.cache and req.creq.is_shared then
        return made.status, made.body, headers, req.shows
    elseif is_known(req, etag) then
        headers["Content-Type"] = nil
        return 304, nil, headers
    end
    return made.status, made.body, headers
end

return answer
