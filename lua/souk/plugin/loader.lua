--- Takes the plugins that are switched on into a generation: their routes, hooks, event handlers
--- and timers. A plugin that does not load refuses the generation, so a reload changes nothing; at
--- the start of a server, which must serve, it is left out and told of.
local conf = require("core.conf")
local core_plugin = require("core.plugin")
local info = require("core.info")
local json = require("core.json")
local log = require("core.log")
local web = require("souk.web")
local database = require("souk.plugin.database")
local environment = require("souk.plugin.environment")
local failures = require("souk.plugin.failures")
local guard = require("souk.plugin.guard")
local hooks = require("souk.plugin.hooks")
local manifest = require("souk.plugin.manifest")
local request = require("souk.request")
local schema = require("souk.schema")
local static = require("souk.plugin.static")

local loader = { plugins = {} }

local LOAD_MS, TIMER_MS = 10000, 60000
--- A route ends before its client is told that it took too long.
local ROUTE_MS = tonumber(conf("http.request_timeout_ms")) * 0.9
local SECRET_HEADERS = { authorization = true, cookie = true, ["proxy-authorization"] = true }
local ROUTE_KEYS = { method = true, path = true, handler = true }

local function fail(name, problem)
    error(("plugins/%s/plugin.lua: %s"):format(name, problem), 0)
end

--- Every statement of a plugin is looked at before any is sent.
local function check_queries(name)
    for _, noun in ipairs(core_plugin.list(name, "sql/queries")) do
        for _, file in ipairs(core_plugin.list(name, "sql/queries/" .. noun)) do
            local path = ("sql/queries/%s/%s"):format(noun, file)
            local problem = database.problem(core_plugin.file(name, path) or "")
            if problem then
                error(("plugins/%s/%s: %s"):format(name, path, problem), 0)
            end
        end
    end
end

--- To be read, a plugin has every module; what it used it must have said.
local function check_used(plugin, made)
    for module, need in pairs(plugin.used) do
        if manifest.missing({ needs = { need } }, made.needs) then
            fail(plugin.name, ("%s needs '%s' in needs"):format(module, need))
        end
    end
end

--- The manifest of a folder, run in the plugin's own environment and checked. entry: {name,
--- granted, settings}. Raises with file and reason.
function loader.read(entry)
    check_queries(entry.name)
    local plugin = { name = entry.name, granted = entry.granted or {}, settings = {} }
    local env = environment.of(plugin)
    local chunk, problem = core_plugin.load(entry.name, "plugin", env)
    if not chunk then
        error(problem, 0)
    end
    local made, wrong = manifest.check(entry.name, chunk())
    if not made then
        fail(entry.name, wrong)
    end
    check_used(plugin, made)
    local settings, faults = made.settings.check(entry.settings or {})
    if not settings then
        fail(entry.name, "settings: " .. json.encode(faults))
    end
    for key, value in pairs(settings) do
        plugin.settings[key] = value
    end
    plugin.manifest = made
    return plugin
end

--- The request as a plugin has it: a copy, for what ours hangs on is shared, and without the word
--- that proves who asks.
local function request_for(req)
    local copy = request.copy(req)
    copy.user = nil
    for key, value in pairs(req.user or {}) do
        copy.user = copy.user or {}
        copy.user[key] = value
    end
    function copy.header(_, name)
        return not SECRET_HEADERS[tostring(name):lower()] and req:header(name) or nil
    end
    return copy
end

local function called(handler)
    return function(req)
        return handler(request_for(req))
    end
end

local function add_routes(plugin)
    for i, route in ipairs(plugin.manifest.routes) do
        local decl = { tags = { "plugin " .. plugin.name } }
        for key, value in pairs(route) do
            if not ROUTE_KEYS[key] then
                decl[key] = value
            end
        end
        decl.id = decl.id or ("%s.%d"):format(plugin.name, i)
        web[route.method:lower()](route.path, decl,
            called(failures.watch(plugin.name, "route " .. decl.id, ROUTE_MS, route.handler)))
    end
end

local function add_hooks(plugin)
    for point, hook in pairs(plugin.manifest.hooks) do
        hooks.register(plugin.name, point, hook)
    end
end

--- In a generation that serves.
local function add(entry)
    local plugin = loader.read(entry)
    local missing = manifest.missing(plugin.manifest, plugin.granted)
    if missing then
        fail(plugin.name, ("needs '%s', which was not granted: ./souk plugin enable %s --grant all")
            :format(missing, plugin.name))
    end
    for name, defined in pairs(plugin.definitions or {}) do
        schema.define(name, defined)
    end
    add_routes(plugin)
    add_hooks(plugin)
    if plugin.manifest.static then
        static.add(plugin.name)
    end
    loader.plugins[#loader.plugins + 1] = plugin
end

--- {name, granted, settings} of what is switched on here, by name.
function loader.enabled()
    local text = core_plugin.state()
    local state = text and json.decode(text) or {}
    local list = {}
    for _, entry in ipairs(state.plugins or {}) do
        list[#list + 1] = entry
    end
    table.sort(list, function(a, b)
        return a.name < b.name
    end)
    return list
end

--- Loads all that are switched on.
function loader.load()
    for _, entry in ipairs(loader.enabled()) do
        local is_ok, problem = guard.call(entry.name, "load", LOAD_MS, add, entry)
        if not is_ok and info.generation > 1 then
            error(problem, 0)
        elseif not is_ok then
            log.error("plugin.left_out", { plugin = entry.name, problem = tostring(problem) })
        end
    end
    hooks.settle()
end

--- The timers of the plugins, and of what keeps them.
function loader.timers()
    local timers = {
        { name = "plugins.stuck", every_ms = 500, run = failures.tell_stuck },
        { name = "plugins.follow", every_ms = 1000, run = failures.follow },
    }
    for _, plugin in ipairs(loader.plugins) do
        for _, timer in ipairs(plugin.manifest.timers) do
            local name = ("plugin.%s.%s"):format(plugin.name, timer.name)
            timers[#timers + 1] = {
                name = name, every_ms = timer.every_ms, leader = true,
                run = failures.watch(plugin.name, "timer " .. timer.name, TIMER_MS, timer.run),
            }
        end
    end
    return timers
end

--- The handlers of an event type: {{name, run, retries}, …}.
function loader.consumers(event_type)
    local list = {}
    for _, plugin in ipairs(loader.plugins) do
        local handler = plugin.manifest.on[event_type] or plugin.manifest.on["*"]
        if handler then
            list[#list + 1] = {
                name = plugin.name, run = handler.run, retries = handler.retries,
            }
        end
    end
    return list
end

return loader
