--- What a client sent, checked by the types of the route's declaration.
local err = require("souk.err")
local json = require("core.json")
local query_string = require("souk.query_string")
local schema = require("souk.schema")

local input = {}

--- Of a route that declares none: a typing error must not be lost there either.
local NO_BODY = schema.object({})

local QUERIES_KEPT = 1000
local QUERY_KEPT_BYTES = 200

--- The versions that If-Match names, as a set: strong tags of ours ("3-0a1b" is version 3). nil for
-- no header or *, which ask for nothing.
function input.versions(header)
    if not header or header == "*" then
        return nil
    end
    local versions = {}
    for tag in header:gmatch("[^,]+") do
        local version = tag:match('^%s*"(%d+)%-?%x*"%s*$')
        if version then
            versions[tonumber(version)] = true
        end
    end
    return versions
end

--- application/json or a kind of it, in UTF-8 if it says; none given is taken for that.
local function is_json(content_type)
    if not content_type or content_type == "application/json" then
        return true
    end
    local kind, rest = content_type:lower():match("^%s*([%w.+/-]+)%s*(.*)$")
    local charset = rest and rest:match('charset%s*=%s*"?([^";%s]+)') or "utf-8"
    return kind ~= nil and (rest == "" or rest:sub(1, 1) == ";") and charset == "utf-8"
        and (kind == "application/json" or kind:find("^application/[%w.-]+%+json$") ~= nil)
end

--- The parsed JSON body; or nil, err. No body is an empty object.
local function parse(req, content_type)
    if req.raw == "" then
        return {}
    end
    if not is_json(content_type) then
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

--- faults, or a first list of them when something was found. prefix: where.
local function gather(faults, found, prefix)
    if not found then
        return faults
    end
    faults = faults or {}
    for _, one in ipairs(found) do
        faults[#faults + 1] = {
            field = one.field == "" and prefix or one.field, message = one.message,
        }
    end
    return faults
end

--- Queries that were read and found right, by their type and text: lists are asked for by the same
-- few. Whoever gets one may not change it.
local read_queries, read_count = {}, 0

local function remember(query_type, query_text, query)
    if #query_text > QUERY_KEPT_BYTES then
        return
    elseif read_count >= QUERIES_KEPT then
        read_queries, read_count = {}, 0
    end
    local known = read_queries[query_type] or {}
    read_queries[query_type] = known
    known[query_text], read_count = query, read_count + 1
end

--- These fill req and give the faults so far, or nil; and a refusal that ends the reading.
local function read_params(req, creq, decl)
    local found
    req.params, found = decl.params.text(creq.params)
    return gather(nil, found, "path")
end

local function read_query(req, decl, faults)
    local query_text = req.query_text
    if not decl.query then
        if query_text == "" then
            return faults
        end
        return gather(faults, { { field = "", message = "this route takes no query" } }, "query")
    end
    local known = read_queries[decl.query]
    local query = known and known[query_text]
    if query then
        req.query = query
        return faults
    end
    local given, problem = query_string.parse(query_text)
    if not given then
        return faults, problem
    end
    local found
    req.query, found = decl.query.text(given)
    if not found then
        remember(decl.query, query_text, req.query)
    end
    return gather(faults, found, "query")
end

local function read_body(req, decl, faults, content_type)
    local value, problem = parse(req, content_type)
    if value == nil then
        return faults, problem
    end
    local found
    req.body, found = (decl.body or NO_BODY).check(value)
    req.sent = type(value) == "table" and value or {} -- req.given is made of it
    return gather(faults, found, "body")
end

--- Fills req.params, req.query, req.body and what req.given is made of (which fields the body had,
-- null or not); or nil, err with every fault.
function input.read(req, creq, decl, content_type)
    local faults = decl.params and read_params(req, creq, decl) or nil
    local problem
    faults, problem = read_query(req, decl, faults)
    if not problem and decl.has_body then
        faults, problem = read_body(req, decl, faults, content_type)
    end
    if problem then
        return nil, problem
    elseif faults then
        return nil, err.invalid(nil, faults)
    end
    return true
end

return input
