--- The server's OpenAPI document as a list of operations, from which specs make their matrices.
local crypto = require("core.crypto")

local document = {}

local METHODS = { "get", "post", "put", "patch", "delete" }

local function roles_of(operation)
    local roles = operation["x-roles"]
    if not operation.security or #operation.security == 0 or not roles then
        return nil
    elseif roles == "ANY" then
        return { BUYER = true, VENDOR = true, ADMIN = true }
    end
    local set = {}
    for _, role in ipairs(roles) do
        set[role] = true
    end
    return set
end

local function body_of(operation)
    local content = operation.requestBody and operation.requestBody.content
    return content and content["application/json"]
end

--- Array of {method, path, url (ids filled in), roles (a set, or nil for anyone), schema, example}.
function document.operations(w)
    local found = {}
    local paths = w:expect(200, "GET", "/api/openapi.json").paths
    for path, operations in pairs(paths) do
        for _, method in ipairs(METHODS) do
            local operation = operations[method]
            local body = operation and body_of(operation)
            found[#found + 1] = operation and {
                method = method:upper(),
                path = path,
                url = path:gsub("{%w+}", crypto.uuid7()),
                roles = roles_of(operation),
                schema = body and body.schema,
                example = body and body.example,
                operation = operation,
            }
        end
    end
    table.sort(found, function(a, b)
        return a.path .. a.method < b.path .. b.method
    end)
    return found
end

return document
