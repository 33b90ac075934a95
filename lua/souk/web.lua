--- Routes. A declaration is compiled once, at load, into one function that the bridge calls for each request; what is
--- wrong with a declaration stops the load, so a broken generation never serves.
local auth = require("souk.auth")
local conf = require("core.conf")
local crypto = require("core.crypto")
local err = require("souk.err")
local idempotency = require("souk.idempotency")
local json = require("core.json")
local log = require("core.log")
local query_string = require("souk.query_string")
local rate = require("souk.rate")
local schema = require("souk.schema")

local web = { routes = {} }

local BODY_MAX = 1048576
local JSON_TYPE = "application/json; charset=utf-8"

local KNOWN = {
    id = true, summary = true, description = true, tags = true, roles = true, optional_auth = true,
    idempotent = true, rate = true, params = true, query = true, body = true, body_max = true,
    raw_body = true, answers = true, errors = true, example = true, example_answer = true,
    etag = true, media = true,
}

-- Answers ------------------------------------------------------------------------------------------------------------

local reply_mark = {}

--- Any status; value: a table, json.raw, or nil for no body. A text goes out as it is: name its Content-Type.
function web.reply(status, value, headers)
    return setmetatable({ status = status, value = value, headers = headers }, reply_mark)
end

--- JSON text made by db.json, db.row_json or json.encode.
function web.json(text)
    return json.raw(text)
end

function web.created(location, value)
    return web.reply(201, value, { Location = location })
end

function web.accepted(value)
    return web.reply(202, value)
end

function web.no_content()
    return web.reply(204)
end

local function body_text(value)
    if value == nil or type(value) == "string" then
        return value
    end
    return json.encode(value)
end

--- What a handler returned, as {status, body, headers}.
local function answer_of(value)
    if getmetatable(value) ~= reply_mark then
        return { status = 200, body = body_text(value), headers = {} }
    end
    return { status = value.status, body = body_text(value.value), headers = value.headers or {} }
end

local function answer_of_error(req, e)
    local status, body = err.reply(req, e)
    return { status = status, body = body, headers = {} }
end

-- Requests -----------------------------------------------------------------------------------------------------------

local function invalid(faults)
    return err.invalid(nil, faults)
end

local function gather(faults, found, prefix)
    for _, one in ipairs(found or {}) do
        local field = one.field
        if field == "" then
            field = prefix
        end
        faults[#faults + 1] = { field = field, message = one.message }
    end
end

--- "3-0a1b" or W/"3": the version; something else: -1, which no row has; none or *: nil.
local function version_of(header)
    if not header or header == "*" then
        return nil
    end
    return tonumber(header:match('^W?/?"(%d+)%-?%x*"$')) or -1
end

local function is_json(content_type)
    return not content_type or content_type:lower():find("^application/json%s*;?") ~= nil
        or content_type:lower():find("^application/[%w.+-]+%+json%s*;?") ~= nil
end

--- The parsed JSON body; or nil, err.
local function parse(req)
    if req.raw == "" then
        return {}
    end
    if not is_json(req:header("Content-Type")) then
        return nil, err.unsupported_media("send the body as application/json")
    end
    local value, problem = json.decode_marked(req.raw)
    if value == nil then
        return nil, err.malformed_json("the body is not valid JSON: " .. tostring(problem))
    end
    -- An empty list decodes like an empty object: only the text tells them apart.
    if type(value) == "table" and not next(value) and req.raw:find("^%s*%[") then
        return json.array(value)
    end
    return value
end

local function given_fields(value)
    local given = {}
    for name in pairs(value) do
        given[name] = true
    end
    return given
end

--- Fills req.params, req.query, req.body; or nil, err with every fault.
local function read_input(req, creq, decl)
    local faults, found = {}, nil
    if decl.params then
        req.params, found = decl.params.text(creq.params)
        gather(faults, found, "path")
    end
    if decl.query then
        local pairs_given, problem = query_string.parse(creq.query)
        if not pairs_given then
            return nil, problem
        end
        req.query, found = decl.query.text(pairs_given)
        gather(faults, found, "query")
    elseif creq.query and creq.query ~= "" then
        gather(faults, { { field = "query", message = "this route takes no query" } })
    end
    if decl.body then
        local value, problem = parse(req)
        if value == nil then
            return nil, problem
        end
        req.body, found = decl.body.check(value)
        gather(faults, found, "body")
        req.given = type(value) == "table" and given_fields(value) or {}
    end
    if #faults > 0 then
        return nil, invalid(faults)
    end
    return true
end

local request_methods = {}
request_methods.__index = request_methods

function request_methods:header(name)
    return self.creq:header(name)
end

local function request_of(creq, decl)
    return setmetatable({
        creq = creq,
        id = creq.id,
        peer = creq.peer,
        method = creq.method,
        path = creq.path,
        query_text = creq.query or "",
        raw = (decl.body or decl.raw_body or decl.idempotent) and creq:body() or "",
        if_match = version_of(creq:header("If-Match")),
        params = {},
        query = {},
    }, request_methods)
end

-- Checks -------------------------------------------------------------------------------------------------------------

local function role_set(roles)
    local set = {}
    for _, role in ipairs(roles) do
        set[role] = true
    end
    return set
end

--- Fills req.user; or nil, err.
local function admit(req, decl)
    local header = req:header("Authorization")
    if decl.roles == false and not (decl.optional_auth and header) then
        return true
    end
    local user, refusal = auth.user(header)
    if not user then
        return nil, refusal
    end
    if decl.role_set and not decl.role_set[user.role] then
        return nil, err.forbidden()
    end
    req.user = user
    return true
end

local function check_answer(decl, answer)
    local declared = decl.answers and decl.answers[answer.status]
    if declared == nil then
        error(("route %s answered %d, which it does not declare"):format(decl.id, answer.status), 0)
    end
    if declared == true or not answer.body or answer.status == 204 then
        return
    end
    local value, problem = json.decode_marked(answer.body)
    local faults
    if value ~= nil then
        value, faults = declared.check(value)
    end
    if value == nil and (problem or faults) then
        log.error("web.answer.invalid", { route = decl.id, problem = problem or json.encode(faults) })
        error(("route %s: its answer breaks its schema: %s"):format(
            decl.id, problem or json.encode(faults)), 0)
    end
end

--- The work itself: input, key, handler. Returns an answer or nil, err.
local function respond(req, creq, decl, handler)
    local is_read, problem = read_input(req, creq, decl)
    if not is_read then
        return nil, problem
    end
    local function run()
        local value, refusal = handler(req)
        if value == nil then
            if refusal == nil then
                error("route " .. decl.id .. " returned nothing", 0)
            end
            return nil, refusal
        end
        local answer = answer_of(value)
        if decl.is_checked then
            check_answer(decl, answer)
        end
        return answer
    end
    local key, refusal
    if decl.idempotent then
        key, refusal = idempotency.key(req)
        if refusal then
            return nil, refusal
        end
    end
    if not key then
        return run()
    elseif decl.idempotent == "transaction" then
        return idempotency.in_transaction(req, key, run)
    end
    return idempotency.resumable(req, key, run, function(e)
        return answer_of_error(req, e)
    end)
end

--- Headers of an answer, and 304 when the client has it already.
local function finish(req, decl, answer, headers)
    for name, value in pairs(headers or {}) do
        answer.headers[name] = value
    end
    if answer.body and not answer.headers["Content-Type"] then
        answer.headers["Content-Type"] = JSON_TYPE
    end
    if not decl.etag or answer.status ~= 200 then
        return answer.status, answer.body, answer.headers
    end
    local hash = crypto.sha256(answer.body):sub(1, 16)
    local version = answer.headers.Version
    answer.headers.Version = nil
    local etag = ('"%s%s"'):format(version and (version .. "-") or "", hash)
    answer.headers.ETag = etag
    answer.headers["Cache-Control"] = decl.roles == false and not req.user and "no-cache" or "private, no-cache"
    local wanted = req:header("If-None-Match")
    if wanted and (wanted == "*" or wanted:find(etag, 1, true)) then
        answer.headers["Content-Type"] = nil
        return 304, nil, answer.headers
    end
    return answer.status, answer.body, answer.headers
end

--- An error with what its answer must carry besides: the bridge sends e.headers.
local function refuse(e, headers)
    if err.is(e) then
        e.headers = headers
        if e.status == 401 then
            e.headers = e.headers or {}
            e.headers["WWW-Authenticate"] = "Bearer"
        end
    end
    return nil, e
end

local function runner(decl, handler)
    return function(creq)
        local req = request_of(creq, decl)
        local headers, refusal
        if decl.rate then
            headers, refusal = rate.take(decl.id, decl.rate, req)
            if refusal then
                return refuse(refusal, headers)
            end
        end
        local is_admitted, problem = admit(req, decl)
        if not is_admitted then
            return refuse(problem, headers)
        end
        local answer
        answer, problem = respond(req, creq, decl, handler)
        if not answer then
            return refuse(problem, headers)
        end
        return finish(req, decl, answer, headers)
    end
end

-- Declarations -------------------------------------------------------------------------------------------------------

local function path_params(path)
    local names, count = {}, 0
    for name in path:gmatch("{([%w]+)}") do
        names[name], count = true, count + 1
    end
    return names, count
end

local function check_params(decl, path, fail)
    local names, count = path_params(path)
    for name in pairs(decl.params or {}) do
        if not names[name] then
            fail("params." .. name .. " is not in the path")
        end
        count = count - 1
    end
    if count ~= 0 then
        fail("a {parameter} of the path has no schema in params")
    end
end

local function check_declaration(decl, method, path)
    local function fail(message)
        error(("%s %s: %s"):format(method, path, message), 4)
    end
    for name in pairs(decl) do
        if not KNOWN[name] then
            fail("unknown key " .. tostring(name))
        end
    end
    if not decl.id or not decl.summary or not decl.tags then
        fail("id, summary and tags are needed")
    elseif decl.roles == nil then
        fail('roles must be said: a list, "ANY", or false for anyone')
    elseif not decl.answers then
        fail("answers must be declared")
    elseif decl.idempotent and decl.roles == false then
        fail("an idempotent route needs a user")
    elseif decl.idempotent and decl.idempotent ~= "transaction" and decl.idempotent ~= "resumable" then
        fail('idempotent is "transaction" or "resumable"')
    end
    for _, name in ipairs(decl.errors or {}) do
        if not err[name] then
            fail("unknown error " .. name)
        end
    end
    check_params(decl, path, fail)
    for _, route in ipairs(web.routes) do
        if route.id == decl.id then
            fail("the id " .. decl.id .. " is taken by " .. route.path)
        end
    end
end

local function declare(method, path, decl, handler)
    check_declaration(decl, method, path)
    local compiled = setmetatable({
        params = decl.params and schema.object(decl.params),
        role_set = type(decl.roles) == "table" and role_set(decl.roles) or nil,
        is_checked = conf("env") == "test",
    }, { __index = decl })
    web.routes[#web.routes + 1] = {
        id = decl.id,
        method = method,
        path = path,
        body_max = decl.body_max or BODY_MAX,
        decl = compiled,
        run = runner(compiled, handler),
    }
end

for _, method in ipairs({ "GET", "POST", "PUT", "PATCH", "DELETE" }) do
    web[method:lower()] = function(path, decl, handler)
        declare(method, path, decl, handler)
    end
end

return web
