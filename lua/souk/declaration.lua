--- What a route's declaration must say. It is checked at load: a broken one never serves.
local err = require("souk.err")

local declaration = {}

local KNOWN = {
    id = true, summary = true, description = true, tags = true, roles = true, optional_auth = true,
    idempotent = true, rate = true, params = true, query = true, body = true, body_max = true,
    raw_body = true, answers = true, errors = true, example = true, example_answer = true,
    etag = true, media = true, cache = true,
}

local IDEMPOTENT = { transaction = true, resumable = true }

local function missing(decl)
    if not decl.id or not decl.summary or not decl.tags then
        return "id, summary and tags are needed"
    elseif decl.roles == nil then
        return 'roles must be said: a list, "ANY", or false for anyone'
    elseif not decl.answers then
        return "answers must be declared"
    end
    return nil
end

local function wrong_idempotency(decl)
    if decl.idempotent and decl.roles == false then
        return "an idempotent route needs a user"
    elseif decl.idempotent and not IDEMPOTENT[decl.idempotent] then
        return 'idempotent is "transaction" or "resumable"'
    end
    return nil
end

--- What a token changes, or is counted, is nobody else's.
local function wrong_cache(decl)
    if decl.cache and (decl.roles ~= false or decl.rate or not decl.etag) then
        return "only what anyone may read, without a rate and with an etag, can be kept"
    elseif decl.cache and not (decl.cache.ms and decl.cache.shows) then
        return "cache needs ms and shows"
    end
    return nil
end

local function unknown_names(decl)
    for name in pairs(decl) do
        if not KNOWN[name] then
            return "unknown key " .. tostring(name)
        end
    end
    for _, name in ipairs(decl.errors or {}) do
        if not err[name] then
            return "unknown error " .. name
        end
    end
    return nil
end

local function wrong_params(decl, path)
    local in_path, count = {}, 0
    for name in path:gmatch("{(%w+)}") do
        in_path[name], count = true, count + 1
    end
    for name in pairs(decl.params or {}) do
        if not in_path[name] then
            return "params." .. name .. " is not in the path"
        end
        count = count - 1
    end
    return count ~= 0 and "a {parameter} of the path has no schema in params" or nil
end

--- What is wrong, or nil. routes: those declared before.
function declaration.problem(decl, path, routes)
    local problem = missing(decl) or unknown_names(decl) or wrong_idempotency(decl)
        or wrong_cache(decl)
        or wrong_params(decl, path)
    if problem then
        return problem
    end
    for _, route in ipairs(routes) do
        if route.id == decl.id then
            return "the id " .. decl.id .. " is taken by " .. route.path
        end
    end
    return nil
end

return declaration
