local err = require("souk.err")
local info = require("core.info")
local json = require("core.json")
local reload = require("core.reload")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "admin" }
local ADMIN = { "ADMIN" }

local generation = s.object({
    generation = s.integer({ min = 0, example = 3 }),
    version = s.string({ example = "0.1.0" }),
    worker = s.integer({ min = 0, example = 0 }),
    routes = s.integer({ min = 1, example = 90 }),
})

web.get("/api/admin/generation", {
    id = "admin.generation", summary = "Which code serves now", tags = TAGS, roles = ADMIN,
    answers = { [200] = generation },
}, function()
    return {
        generation = info.generation, version = info.version, worker = info.worker,
        routes = #web.routes,
    }
end)

web.get("/api/admin/routes", {
    id = "admin.routes", summary = "Every route with its roles", tags = TAGS, roles = ADMIN,
    answers = { [200] = s.object({ data = s.array(s.object({
        id = s.string({ example = "products.list" }),
        method = s.string({ example = "GET" }),
        path = s.string({ example = "/api/products" }),
        roles = s.array(s.string({ example = "VENDOR" })),
        isPublic = s.boolean(),
    })) }) },
}, function()
    local data = json.array({})
    for i, route in ipairs(web.routes) do
        local roles = route.decl.roles
        data[i] = {
            id = route.id, method = route.method, path = route.path, isPublic = roles == false,
            roles = json.array(type(roles) == "table" and { unpack(roles) } or roles and { roles }
                or {}),
        }
    end
    return { data = data }
end)

web.post("/api/admin/reload", {
    id = "admin.reload", summary = "Serve the files as they are now", tags = TAGS, roles = ADMIN,
    description = "Loaded aside first: when it does not load, the old generation keeps serving and "
        .. "details say where and why.",
    answers = { [200] = s.object({ generation = s.integer({ min = 1, example = 4 }) }) },
    errors = { "reload_refused" },
}, function()
    local number, problem = reload()
    if not number then
        local file, line, message = tostring(problem):match("([%w_/.-]+%.%w+):(%d+): ([^\n]*)")
        return nil, err.reload_refused(nil, { {
            field = file or "generation", message = message or tostring(problem):match("^[^\n]*"),
            file = file, line = tonumber(line),
        } })
    end
    return { generation = number }
end)
