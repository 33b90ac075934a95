--- What a handler returned, made into status, body and headers.
local crypto = require("core.crypto")
local err = require("souk.err")
local json = require("core.json")
local log = require("core.log")

local answer = {}

local JSON_TYPE = "application/json; charset=utf-8"

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

--- {status, body, headers} of what a handler returned.
function answer.of(value)
    if getmetatable(value) ~= reply_mark then
        return { status = 200, body = text_of(value), headers = {} }
    end
    return { status = value.status, body = text_of(value.value), headers = value.headers or {} }
end

--- The same of an error, for one that is kept for a replay.
function answer.of_error(req, e)
    local status, body = err.reply(req, e)
    return { status = status, body = body, headers = {} }
end

--- Raises when the answer is not what the route declares (env = test). What goes out as something
--- else than JSON has no schema.
function answer.check(decl, made)
    local declared = decl.answers[made.status]
    if declared == nil then
        error(("route %s answered %d, which it does not declare"):format(decl.id, made.status), 0)
    elseif declared == true or not made.body or made.headers["Content-Type"] then
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
    local version = made.headers.Version
    made.headers.Version = nil
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
    return made.body and (made.headers.Version or (decl.etag and made.status == 200))
end

--- Status, body and headers to send: with Content-Type, and where the route or the handler wants
-- it an ETag, and 304 in place of a copy that the client has. headers are added.
function answer.finish(req, decl, made, headers)
    for name, value in pairs(headers or {}) do
        made.headers[name] = value
    end
    if made.body and not made.headers["Content-Type"] then
        made.headers["Content-Type"] = JSON_TYPE
    end
    if not has_etag(decl, made) then
        return made.status, made.body, made.headers
    end
    local etag = etag_of(made)
    made.headers.ETag = etag
    made.headers["Cache-Control"] = req.user and "private, no-cache" or "no-cache"
    if is_known(req, etag) then
        made.headers["Content-Type"] = nil
        return 304, nil, made.headers
    end
    return made.status, made.body, made.headers
end

return answer
