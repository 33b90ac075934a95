--- Routes. A declaration is compiled once, at load, into one function that the bridge calls for
-- each request. The order of checks is fixed: rate, token, user, role, input, handler.
local answer = require("souk.answer")
local auth = require("souk.auth")
local conf = require("core.conf")
local declaration = require("souk.declaration")
local err = require("souk.err")
local idempotency = require("souk.idempotency")
local input = require("souk.input")
local json = require("core.json")
local rate = require("souk.rate")
local request = require("souk.request")
local schema = require("souk.schema")

local web = { routes = {} }

local BODY_MAX = 1048576

-- What handlers return ----------------------------------------------------------------------------

--- Any status; value: a table, json.raw, or nil for no body. A text goes out as it is: name its
-- Content-Type.
--- Example: return web.reply(200, "a,b\n", { ["Content-Type"] = "text/csv" })
function web.reply(status, value, headers)
    return answer.reply(status, value, headers)
end

--- JSON text made by db.json, db.row_json or json.encode.
--- Example: return { data = web.json("[1,2]") }
function web.json(text)
    return json.raw(text)
end

--- 201 with where it is. Example: return web.created("/api/plugins/wishlist/items/7", { id = 7 })
function web.created(location, value)
    return answer.reply(201, value, { Location = location })
end

--- 202: it will be done. Example: return web.accepted({ state = "WAITING" })
function web.accepted(value)
    return answer.reply(202, value)
end

--- 204: done, and nothing to say. Example: return web.no_content()
function web.no_content()
    return answer.reply(204)
end

--- A file of comma-separated values (sql/functions/csv_line.sql), to be saved under that name. The
--- route declares media = { [200] = "text/csv" }.
function web.csv(file_name, text)
    return answer.reply(200, text, {
        ["Content-Type"] = "text/csv; charset=utf-8; header=present",
        ["Content-Disposition"] = ('attachment; filename="%s"'):format(file_name),
    })
end

-- One request -------------------------------------------------------------------------------------

--- Fills req.user; or nil, err. authorization: the header, or the serial of its token.
local function admit(req, decl, authorization)
    if decl.roles == false and not decl.optional_auth then
        return true
    end
    if decl.roles == false and not authorization then
        return true
    end
    local user, refusal = auth.user(authorization, req)
    if not user then
        return nil, refusal
    end
    if decl.role_set and not decl.role_set[user.role] then
        return nil, err.forbidden()
    end
    req.user = user
    return true
end

--- Runs the handler: status, body, headers; or nil, err.
local function run_handler(req, decl, handler)
    local value, refusal = handler(req)
    if value == nil then
        if refusal == nil then
            error("route " .. decl.id .. " returned nothing", 0)
        end
        return nil, refusal
    end
    local status, body, headers = answer.of(value)
    if decl.is_checked then
        answer.check(decl, status, body, headers)
    end
    return status, body, headers
end

--- {status, body, headers} of the handler or of the run before with this key; or nil, err.
local function run_once(req, decl, handler, key)
    local function run()
        return answer.kept(run_handler(req, decl, handler))
    end
    if decl.idempotent == "transaction" then
        return idempotency.in_transaction(req, key, run)
    end
    return idempotency.resumable(req, key, run, function(e)
        return answer.of_error(req, e)
    end)
end

--- Key, handler: status, body, headers; or nil, err.
local function respond(req, decl, handler, key_text)
    local key, refusal, made
    if decl.idempotent then
        key, refusal = idempotency.key(key_text)
    end
    if refusal then
        return nil, refusal
    elseif not key then
        return run_handler(req, decl, handler)
    end
    made, refusal = run_once(req, decl, handler, key)
    if not made then
        return nil, refusal
    end
    return made.status, made.body, made.headers
end

--- An error with what its answer must carry besides: the bridge sends e.headers.
local function refuse(e, headers)
    if err.is(e) then
        if headers or e.headers then
            e.headers = headers
        end
        if e.status == 401 then
            e.headers = e.headers or {}
            e.headers["WWW-Authenticate"] = "Bearer"
        end
    end
    return nil, e
end

local function runner(decl, handler)
    return function(creq, query_text, authorization, raw, content_type, if_match, key_text)
        local req = request.of(creq, decl, query_text, raw, if_match)
        local given, problem, is_done
        if decl.rate then
            given, problem = rate.take(decl.id, decl.rate, req)
            if problem then
                return refuse(problem, given)
            end
        end
        is_done, problem = admit(req, decl, authorization)
        if is_done then
            is_done, problem = input.read(req, creq, decl, content_type)
        end
        if not is_done then
            return refuse(problem, given)
        end
        local status, body, headers = respond(req, decl, handler, key_text)
        if not status then
            return refuse(body, given)
        elseif req.after_commit then
            req.after_commit()
        end
        return answer.finish(req, decl, given, status, body, headers)
    end
end

-- Declaring ---------------------------------------------------------------------------------------

local function role_set(roles)
    if type(roles) ~= "table" then
        return nil
    end
    local set = {}
    for _, role in ipairs(roles) do
        set[role] = true
    end
    return set
end

local function declare(method, path, decl, handler)
    local problem = declaration.problem(decl, path, web.routes)
    if problem then
        error(("%s %s: %s"):format(method, path, problem), 3)
    end
    local compiled = {}
    for name, value in pairs(decl) do
        compiled[name] = value
    end
    compiled.params = decl.params and schema.object(decl.params)
    compiled.role_set = role_set(decl.roles)
    compiled.has_body = method ~= "GET" and not decl.raw_body
    compiled.is_checked = conf("env") == "test"
    web.routes[#web.routes + 1] = {
        id = decl.id,
        method = method,
        path = path,
        body_max = decl.body_max or BODY_MAX,
        decl = compiled,
        asks_who = decl.roles ~= false or decl.optional_auth == true,
        run = runner(compiled, handler),
        cache_ms = decl.cache and decl.cache.ms,
        shows = decl.cache and decl.cache.shows,
    }
end

--- web.get(path, declaration, handler), and so for post, put, patch and delete. The declaration's
-- keys are in README.md.
for _, method in ipairs({ "GET", "POST", "PUT", "PATCH", "DELETE" }) do
    web[method:lower()] = function(path, decl, handler)
        declare(method, path, decl, handler)
    end
end

return web
