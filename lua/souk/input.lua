--- What a client sent, checked by the types of the route's declaration.
local err = require("souk.err")
local json = require("core.json")
local query_string = require("souk.query_string")

local input = {}

--- The version in If-Match: of "3-0a1b" or W/"3" it is 3; of something else -1, which no row has;
-- of none or * nil.
function input.version(header)
    if not header or header == "*" then
        return nil
    end
    return tonumber(header:match('^W?/?"(%d+)%-?%x*"$')) or -1
end

local function is_json(content_type)
    if not content_type then
        return true
    end
    local kind = content_type:lower()
    return kind:find("^application/json%s*;?") ~= nil
        or kind:find("^application/[%w.+-]+%+json%s*;?") ~= nil
end

--- The parsed JSON body; or nil, err. No body is an empty object.
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

local function gather(faults, found, prefix)
    for _, one in ipairs(found or {}) do
        faults[#faults + 1] = {
            field = one.field == "" and prefix or one.field, message = one.message,
        }
    end
end

local function read_query(req, creq, decl, faults)
    if not decl.query then
        if req.query_text ~= "" then
            gather(faults, { { field = "", message = "this route takes no query" } }, "query")
        end
        return true
    end
    local given, problem = query_string.parse(creq.query)
    if not given then
        return nil, problem
    end
    local found
    req.query, found = decl.query.text(given)
    gather(faults, found, "query")
    return true
end

local function read_body(req, decl, faults)
    local value, problem = parse(req)
    if value == nil then
        return nil, problem
    end
    local found
    req.body, found = decl.body.check(value)
    gather(faults, found, "body")
    req.given = {}
    for name in pairs(type(value) == "table" and value or {}) do
        req.given[name] = true
    end
    return true
end

--- Fills req.params, req.query, req.body and req.given (which fields the body had, null or not);
-- or nil, err with every fault.
function input.read(req, creq, decl)
    local faults = {}
    if decl.params then
        local found
        req.params, found = decl.params.text(creq.params)
        gather(faults, found, "path")
    end
    local is_read, problem = read_query(req, creq, decl, faults)
    if is_read and decl.body then
        is_read, problem = read_body(req, decl, faults)
    end
    if not is_read then
        return nil, problem
    elseif #faults > 0 then
        return nil, err.invalid(nil, faults)
    end
    return true
end

return input
