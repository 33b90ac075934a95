--- The OpenAPI 3.1 document, from the declarations of the routes. What it says is what is checked.
local core_err = require("souk.err")
local info = require("core.info")
local json = require("core.json")
local schema = require("souk.schema")

local openapi = {}

local TAGS = {
    { "auth", "Signing up and in" },
    { "users", "One's own account" },
    { "catalogue", "What is for sale, and where" },
    { "cart", "What a buyer means to buy" },
    { "orders", "From cart to order, and a buyer's orders" },
    { "payments", "Paying for an order" },
    { "reviews", "What buyers and vendors say" },
    { "selling", "A vendor's shop and products" },
    { "vendor orders", "What a vendor has to send" },
    { "vendor money", "What a vendor has earned" },
    { "webhooks", "What Stripe tells us" },
    { "admin", "Running the marketplace" },
    { "admin money", "The ledger, payouts and refunds" },
    { "admin policies", "What operators change while souk serves" },
    { "docs", "This document" },
}

local function error_schema()
    return {
        type = "object",
        required = json.array({
            "statusCode", "message", "error", "timestamp", "path", "code", "requestId",
        }),
        properties = {
            statusCode = { type = "integer" },
            message = { type = "string", description = "For people; it may change" },
            error = { type = "string", description = "The reason phrase of the status" },
            timestamp = { type = "string", format = "date-time" },
            path = { type = "string" },
            code = { type = "string", description = "For programs; stable (see x-error-codes)" },
            requestId = { type = "string" },
            details = {
                type = "array",
                description = "Where fields are at fault: all of them",
                items = {
                    type = "object",
                    properties = {
                        field = { type = "string" }, message = { type = "string" },
                    },
                },
            },
        },
    }
end

local function error_example(decl, entry)
    return {
        statusCode = entry.status,
        message = entry.message,
        error = core_err.reason(entry.status),
        timestamp = "2026-01-27T10:30:00.000Z",
        path = decl.path,
        code = entry.code,
        requestId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6",
    }
end

--- Names of err.def that the machinery around a route may answer.
local function implied_errors(decl)
    local query = decl.query and decl.query.fields
    local rules = {
        { true, "internal", "busy", "database_away", "bad_request" },
        { decl.roles ~= false or decl.optional_auth, "unauthenticated", "token_expired" },
        { type(decl.roles) == "table", "forbidden" },
        { decl.params and next(decl.params.fields), "invalid", "not_found" },
        { query, "invalid" },
        { query and query.cursor, "bad_cursor", "offset_too_deep" },
        { decl.body, "malformed_json", "unsupported_media", "body_too_large", "invalid" },
        { decl.rate, "rate_limited" },
        { decl.idempotent, "idempotency_in_progress", "idempotency_mismatch" },
    }
    local names = {}
    for _, rule in ipairs(rules) do
        for i = 2, rule[1] and #rule or 0 do
            names[#names + 1] = rule[i]
        end
    end
    return names
end

local function errors_by_name()
    local by_name = {}
    for _, entry in ipairs(core_err.list) do
        by_name[entry.name:lower()] = entry
    end
    return by_name
end

--- {[status] = {entry, …}} without repeats, in the order of err.def.
local function errors_by_status(route, by_name)
    local wanted, by_status = {}, {}
    for _, names in ipairs({ implied_errors(route.decl), route.decl.errors or {} }) do
        for _, name in ipairs(names) do
            wanted[by_name[name] or error("no error is called " .. name, 0)] = true
        end
    end
    for _, entry in ipairs(core_err.list) do
        if wanted[entry] then
            by_status[entry.status] = by_status[entry.status] or {}
            table.insert(by_status[entry.status], entry)
        end
    end
    return by_status
end

local function error_response(route, entries)
    local lines, examples = {}, {}
    for _, entry in ipairs(entries) do
        lines[#lines + 1] = ("`%s`: %s"):format(entry.code, entry.message)
        examples[entry.code] = { value = error_example(route, entry) }
    end
    return {
        description = table.concat(lines, "\n\n"),
        content = {
            ["application/json"] = {
                schema = { ["$ref"] = "#/components/schemas/Error" },
                examples = examples,
            },
        },
    }
end

local STATUS_TEXT = {
    [200] = "Done", [201] = "Created", [202] = "Accepted: not finished yet",
        [204] = "Done; nothing to say",
    [304] = "Not changed since the given ETag",
}

local function answer_headers(decl, status)
    local headers = {}
    if status == 201 then
        headers.Location = { description = "Where it is now", schema = { type = "string" } }
    end
    if decl.etag and status == 200 then
        headers.ETag = { description = "For If-None-Match", schema = { type = "string" } }
    end
    if decl.rate then
        for _, name in ipairs({ "Limit", "Remaining", "Reset" }) do
            headers["RateLimit-" .. name] = {
                description = "Requests a minute, those left, seconds to the next minute",
                schema = { type = "integer" },
            }
        end
    end
    return next(headers) and headers or nil
end

--- What a body is that no schema of ours describes, and how one looks.
local MEDIA = {
    ["application/json"] = { { type = "object" }, json.object({ openapi = "3.1.0" }) },
    ["text/html"] = { { type = "string" }, "<!doctype html><title>souk</title>" },
    ["text/csv"] = { { type = "string" }, "date,amount\r\n2026-01-27,54.00\r\n" },
}
local PICTURE = { type = "string", contentEncoding = "binary" }

local function media_content(kind, described)
    local known = MEDIA[kind] or { PICTURE, "the bytes of the picture" }
    return {
        schema = described and described.schema or known[1],
        example = described and described.example or known[2],
    }
end

local function answer_content(decl, status, declared)
    local media = decl.media and decl.media[status]
    local content = media and { [media] = media_content(media) } or {}
    if declared ~= true and status ~= 204 then
        content["application/json"] = {
            schema = declared.json(),
            example = status < 300 and decl.example_answer or declared.example,
        }
    end
    return next(content) and content or nil
end

local function answer_response(decl, status, declared)
    return {
        description = STATUS_TEXT[status] or core_err.reason(status),
        headers = answer_headers(decl, status),
        content = answer_content(decl, status, declared),
    }
end

local function responses(route, by_name)
    local out = {}
    for status, entries in pairs(errors_by_status(route, by_name)) do
        out[tostring(status)] = error_response(route, entries)
    end
    for status, declared in pairs(route.decl.answers) do
        out[tostring(status)] = answer_response(route.decl, status, declared)
    end
    if route.decl.etag then
        out["304"] = { description = STATUS_TEXT[304] }
    end
    return out
end

local function parameter(name, place, field)
    local example = field.example
    if example == json.null then
        example = nil
    end
    return {
        name = name,
        ["in"] = place,
        required = place == "path" or not field.is_optional,
        schema = field.json(),
        example = example,
    }
end

local HEADERS = {
    ["Idempotency-Key"] = {
        "Repeats of a request with the same key get the first answer again, for 24 hours",
        { type = "string", minLength = 1, maxLength = 255 },
    },
    ["If-Match"] = { "The ETag that was read: 412 when the resource has changed since",
        { type = "string" } },
    ["If-None-Match"] = { "The ETag of a copy: 304 when it is still good", { type = "string" } },
}

local function header_parameter(name)
    local described = HEADERS[name]
    return {
        name = name, ["in"] = "header", required = false, description = described[1],
        schema = described[2],
    }
end

local function takes_if_match(decl)
    for _, name in ipairs(decl.errors or {}) do
        if name == "precondition_failed" then
            return true
        end
    end
    return false
end

local function parameters(decl)
    local out = {}
    for _, place in ipairs({ { "path", decl.params }, { "query", decl.query } }) do
        for _, name in ipairs(place[2] and place[2].names or {}) do
            out[#out + 1] = parameter(name, place[1], place[2].fields[name])
        end
    end
    for _, header in ipairs({
        { "Idempotency-Key", decl.idempotent }, { "If-None-Match", decl.etag },
        { "If-Match", takes_if_match(decl) },
    }) do
        if header[2] then
            out[#out + 1] = header_parameter(header[1])
        end
    end
    return #out > 0 and json.array(out) or nil
end

local function request_body(decl)
    if decl.body then
        return {
            required = true,
            content = {
                ["application/json"] = {
                    schema = decl.body.json(), example = decl.example or decl.body.example,
                },
            },
        }
    elseif decl.raw_body and decl.media and decl.media.request then
        local content = {}
        for _, media in ipairs(decl.media.request) do
            content[media] = media_content(media, decl.media.request[media])
        end
        return { required = true, content = content }
    end
    return nil
end

local function description(decl)
    local roles = "Anyone."
    if decl.roles == "ANY" then
        roles = "Any signed-in user."
    elseif decl.roles then
        roles = "Roles: " .. table.concat(decl.roles, ", ") .. "."
    end
    return decl.description and (decl.description .. "\n\n" .. roles) or roles
end

local function security(decl)
    if decl.roles ~= false then
        return json.array({ { bearer = json.array({}) } })
    elseif decl.optional_auth then
        return json.array({ json.object({}), { bearer = json.array({}) } })
    end
    return json.array({})
end

local function operation(route, by_name)
    local decl = route.decl
    return {
        operationId = decl.id:gsub("[%._](%w)", string.upper),
        summary = decl.summary,
        description = description(decl),
        tags = json.array({ unpack(decl.tags) }),
        security = security(decl),
        parameters = parameters(decl),
        requestBody = request_body(decl),
        responses = responses(route, by_name),
        ["x-roles"] = decl.roles
            and (decl.roles == "ANY" and "ANY" or json.array({ unpack(decl.roles) }))
            or nil,
    }
end

local function tag_list(routes)
    local used, out = {}, {}
    for _, route in ipairs(routes) do
        for _, tag in ipairs(route.decl.tags) do
            used[tag] = true
        end
    end
    for _, tag in ipairs(TAGS) do
        if used[tag[1]] then
            out[#out + 1] = { name = tag[1], description = tag[2] }
            used[tag[1]] = nil
        end
    end
    local others = {}
    for tag in pairs(used) do
        others[#others + 1] = tag
    end
    table.sort(others)
    for _, tag in ipairs(others) do
        out[#out + 1] = { name = tag, description = "Routes of " .. tag }
    end
    return json.array(out)
end

local function components()
    local schemas = { Error = error_schema() }
    for name, defined in pairs(schema.definitions) do
        schemas[name] = defined.json()
    end
    return {
        schemas = schemas,
        securitySchemes = {
            bearer = { type = "http", scheme = "bearer", bearerFormat = "JWT" },
        },
    }
end

local function error_codes()
    local out = {}
    for _, entry in ipairs(core_err.list) do
        out[#out + 1] = { code = entry.code, statusCode = entry.status, message = entry.message }
    end
    return json.array(out)
end

--- What C answers itself, without a route: whether the process lives, and whether it can serve.
local function operator_page(id, summary, status, by_name)
    local route = { path = "/" .. id, decl = { path = "/" .. id, answers = {} } }
    local answers = {
        ["200"] = {
            description = STATUS_TEXT[200],
            content = { ["application/json"] = {
                schema = { type = "object", required = json.array({ "status" }),
                    properties = { status = { type = "string" }, version = { type = "string" } } },
                example = { status = status },
            } },
        },
        ["405"] = error_response(route, { by_name.method_not_allowed }),
        ["500"] = error_response(route, { by_name.internal }),
    }
    if id == "ready" then
        answers["503"] = error_response(route, { by_name.database_away, by_name.busy })
    end
    return { get = {
        operationId = id, summary = summary, description = "Anyone.",
        tags = json.array({ "docs" }),
        security = json.array({}), responses = answers,
    } }
end

--- The document as a table. pause(), when given, is called now and then: making it takes longer
-- than a request may hold the worker at a stretch.
function openapi.document(routes, pause)
    local paths, by_name = {}, errors_by_name()
    for i, route in ipairs(routes) do
        if pause and i % 10 == 0 then
            pause()
        end
        if route.decl then
            paths[route.path] = paths[route.path] or {}
            paths[route.path][route.method:lower()] = operation(route, by_name)
        end
    end
    paths["/health"] = operator_page("health", "The process is alive", "ok", by_name)
    paths["/ready"] = operator_page("ready", "The process can serve", "ready", by_name)
    return {
        openapi = "3.1.0",
        info = {
            title = "souk",
            version = info.version or "0",
            description = "A marketplace of many vendors. Money is a whole number of minor units; "
                .. "times are RFC 3339 in UTC; unknown fields are refused; every error has the "
                .. "shape of Error.",
            license = { name = "MIT", identifier = "MIT" },
        },
        servers = json.array({ { url = "/" } }),
        tags = tag_list(routes),
        paths = paths,
        components = components(),
        ["x-error-codes"] = error_codes(),
    }
end

--- The document as JSON text.
function openapi.text(routes, pause)
    return json.encode(openapi.document(routes, pause))
end

return openapi
