--- Folders of plugins: what there is, what it may, how it fares; switched on and off while souk
--- serves.
local json = require("core.json")
local reload = require("core.reload")
local err = require("souk.err")
local hooks = require("souk.plugin.hooks")
local s = require("souk.schema")
local web = require("souk.web")
local plugin_admin = require("flows.plugin_admin")

local TAGS = { "admin" }
local ROLES = { "ADMIN" }

local count = s.integer({ min = 0 })
local word = s.string({ min = 1, max = 100, example = "db" })

local plugin = s.define("Plugin", s.object({
    name = s.string({ example = "wishlist" }),
    version = s.nullable(s.string({ example = "1.2.0" })),
    state = s.enum({ "AVAILABLE", "ENABLED", "DISABLED" }),
    needs = s.array(word), granted = s.array(word),
    problem = s.nullable(s.string()), reason = s.nullable(s.string()),
    failures = count, waiting = count, dead = count,
}))

local function get(name)
    local found, problem = plugin_admin.list(name)
    if not found then
        return nil, problem
    end
    return found[1], not found[1] and err.not_found() or nil
end

--- The new state of a plugin, served from now on by every worker here; or nil, err, after
--- undo(problem). It is read before the reload, after which this generation's copy of the folders
--- may be gone.
local function serve(name, undo)
    local entry, failure = get(name)
    local number, problem = reload()
    if not number then
        problem = tostring(problem):match("^[^\n]*")
        return nil, err.reload_refused(problem .. undo(problem))
    end
    return entry, failure
end

web.get("/api/admin/plugins", {
    id = "admin.plugins", summary = "Every plugin, what it may and how it fares", tags = TAGS,
    roles = ROLES,
    answers = { [200] = s.object({
        data = s.array(plugin),
        hooks = s.array(s.object({ point = s.string(), plugins = s.array(s.string()) })),
    }) },
}, function()
    local all, problem = plugin_admin.list()
    if not all then
        return nil, problem
    end
    local order = json.array({})
    for i, point in ipairs(hooks.points()) do
        order[i] = { point = point, plugins = json.array(hooks.names(point)) }
    end
    return { data = all, hooks = order }
end)

web.post("/api/admin/plugins/{name}/enable", {
    id = "admin.enable_plugin", summary = "Switch a plugin on, or change what it may",
    description = "grant: what its manifest needs and the operator allows; left out, as before.",
    tags = TAGS, roles = ROLES,
    params = { name = s.string({ min = 1, max = 40, example = "wishlist" }) },
    body = s.object({
        grant = s.optional(s.array(word, { max = 50 })),
        settings = s.optional(s.attributes({ max = 50 })),
        reason = s.optional(s.string({ max = 500 }), ""),
    }),
    answers = { [200] = plugin },
    errors = { "not_found", "conflict", "reload_refused" },
    example = { grant = { "db" } },
}, function(req)
    local known, problem = get(req.params.name)
    if not known then
        return nil, problem
    end
    local made, refusal = plugin_admin.enable(req.params.name, {
        grant = req.body.grant and table.concat(req.body.grant, ","),
        settings = req.body.settings,
        by = { id = req.user.id, reason = req.body.reason, request_id = req.id },
    })
    if not made then
        return nil, refusal
    end
    return serve(req.params.name, function(why)
        local is_undone = plugin_admin.undo(req.params.name,
            { id = req.user.id, reason = why, request_id = req.id })
        return is_undone and "; the plugin is as it was" or "; the plugin stays switched on"
    end)
end)

web.post("/api/admin/plugins/{name}/disable", {
    id = "admin.disable_plugin", summary = "Switch a plugin off; its tables stay", tags = TAGS,
    roles = ROLES,
    params = { name = s.string({ min = 1, max = 40, example = "wishlist" }) },
    body = s.optional(s.object({ reason = s.optional(s.string({ max = 500 }), "") })),
    answers = { [200] = plugin },
    errors = { "not_found", "conflict", "reload_refused" },
    example = { reason = "not needed any more" },
}, function(req)
    local is_done, problem = plugin_admin.disable(req.params.name, {
        id = req.user.id, reason = (req.body or {}).reason, request_id = req.id,
    })
    if not is_done then
        return nil, problem
    end
    return serve(req.params.name, function()
        return "; the plugin is switched off, and served until a reload is taken"
    end)
end)
