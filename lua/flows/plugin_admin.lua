--- Switching plugins on and off: the manifest is read, the operator's grants and settings are
--- checked against it, its schema is made, its migrations run, and the row that all nodes follow is
--- written.
local core_plugin = require("core.plugin")
local crypto = require("core.crypto")
local json = require("core.json")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")
local database = require("souk.plugin.database")
local failures = require("souk.plugin.failures")
local guard = require("souk.plugin.guard")
local loader = require("souk.plugin.loader")
local manifest = require("souk.plugin.manifest")

local plugin_admin = {}

--- To read a manifest, modules that need a grant are there.
local EVERYTHING = { "db", "fetch" }
plugin_admin.EVERYTHING = EVERYTHING

local MANIFEST_MS = 10000

local function refuse(problem)
    return nil, err.conflict(tostring(problem))
end

--- The manifest of a folder, with everything granted: what it would be. Or nil, err.
function plugin_admin.read(name, granted, settings)
    local is_ok, plugin = guard.call(name, "manifest", MANIFEST_MS, loader.read,
        { name = name, granted = granted, settings = settings })
    if not is_ok then
        return refuse(plugin)
    end
    return plugin
end

--- The grants that a word of the command line means: "all" is what the manifest needs.
function plugin_admin.grants(made, asked)
    if asked == "all" then
        return made.needs
    end
    local list = {}
    for word in (asked or ""):gmatch("[^,%s]+") do
        list[#list + 1] = word
    end
    return list
end

local function tables_of(granted)
    local tables = {}
    for _, word in ipairs(granted) do
        tables[#tables + 1] = word:match("^db:read:([%w_]+)$")
    end
    return tables
end

--- Entries that run the migrations of a plugin, in order; or nil, err.
local function migrations(name)
    local entries = {}
    for _, file in ipairs(core_plugin.list(name, "sql/migrations")) do
        if file:find("%.sql$") then
            local text = core_plugin.file(name, "sql/migrations/" .. file) or ""
            local problem = database.migration_problem(text)
            if problem then
                return refuse(("plugins/%s/sql/migrations/%s: %s"):format(name, file, problem))
            end
            entries[#entries + 1] = { "plugin/apply", name, file, crypto.sha256(text), text }
        end
    end
    return entries
end

local function prepare(plugin, granted)
    local entries, problem = migrations(plugin.name)
    if not entries then
        return nil, problem
    end
    table.insert(entries, 1, { "plugin/prepare", plugin.name, db.array(tables_of(granted)) })
    return db.batch(entries)
end

local function write(plugin, known, granted, settings, by)
    return db.tx(function()
        local is_ready, problem = prepare(plugin, granted)
        if not is_ready then
            return nil, problem
        end
        local is_done, failure = db.batch({
            {
                "plugin/enable", plugin.name, plugin.manifest.version,
                json.encode(json.array(granted)), json.encode(json.object(settings)),
            },
            audit.entry({
                actor = by and by.id, action = "plugin.enable", object = "plugin:" .. plugin.name,
                before = known.version and {
                    version = known.version, isEnabled = known.is_enabled,
                    granted = json.array(known.granted), settings = json.object(known.settings),
                    reason = known.reason,
                },
                after = { version = plugin.manifest.version, granted = granted },
                reason = by and by.reason, request_id = by and by.request_id,
            }),
        })
        if not is_done then
            return nil, failure
        end
        return true
    end)
end

--- What is known of it: {granted, settings}, and more when it was ever switched on; or nil, err.
local function before(name)
    local row, problem = db.one("plugin/get", name)
    if problem then
        return nil, problem
    elseif not row then
        return { granted = {}, settings = {} }
    end
    return {
        granted = json.decode(tostring(row.granted)),
        settings = json.decode(tostring(row.settings)),
        version = row.version, is_enabled = row.is_enabled, reason = row.disabled_reason,
    }
end

--- Switches a plugin on, or over to other grants and settings. options: {grant (nil: as before),
--- settings (nil: as before), by}. Returns the plugin; or nil, err. Who calls reloads the server.
function plugin_admin.enable(name, options)
    local known, problem = before(name)
    if not known then
        return nil, problem
    end
    local settings = options.settings or known.settings
    local plugin, refusal = plugin_admin.read(name, EVERYTHING, settings)
    if not plugin then
        return nil, refusal
    end
    local granted = options.grant and plugin_admin.grants(plugin.manifest, options.grant)
        or known.granted
    local missing = manifest.missing(plugin.manifest, granted)
    if missing then
        return refuse(("%s needs '%s': grant it by --grant all, or name what you grant (%s)")
            :format(name, missing, table.concat(plugin.manifest.needs, ",")))
    end
    local is_done, failure = write(plugin, known, granted, settings, options.by)
    if not is_done then
        return nil, failure
    end
    failures.mirror()
    return plugin
end

--- Runs step() and writes down who took it, in one transaction; then the node's list follows. true;
--- or nil, err.
local function take(action, name, by, step)
    local is_done, problem = db.tx(function()
        local is_taken, failure = step()
        if not is_taken then
            return nil, failure
        end
        return audit.write({
            actor = by and by.id, action = action, object = "plugin:" .. name,
            reason = by and by.reason, request_id = by and by.request_id,
        })
    end)
    if not is_done then
        return nil, problem
    end
    failures.mirror()
    return true
end

--- Takes the last enable back, for a server that cannot serve it: the plugin is as it was before.
--- Its schema stays. true; or nil, err.
function plugin_admin.undo(name, by)
    return take("plugin.enable_refused", name, by, function()
        local row, failure = db.one("plugin/before", name)
        if not row then
            return nil, failure or err.not_found()
        end
        return db.exec("plugin/restore", name, row.before or json.null)
    end)
end

--- true; or nil, err.
function plugin_admin.disable(name, by)
    return take("plugin.disable", name, by, function()
        local rows, failure = db.exec("plugin/switch_off", name, "switched off by hand")
        if rows == 0 then
            return nil, err.conflict(name .. " is not switched on")
        end
        return rows, failure
    end)
end

--- Runs what plugins that are switched on have to migrate: after an update of their folders. Or
--- nil, err.
function plugin_admin.migrate()
    local rows, problem = db.query("plugin/enabled")
    for _, row in ipairs(rows or {}) do
        local plugin, refusal = plugin_admin.read(row.name, EVERYTHING,
            json.decode(tostring(row.settings)))
        local is_ready, failure
        if plugin then
            is_ready, failure = db.tx(function()
                return prepare(plugin, json.decode(tostring(row.granted)))
            end)
        end
        if not is_ready then
            return nil, refusal or failure
        end
    end
    return rows and true, problem
end

local NEVER = {
    granted = "[]", settings = "{}", failures = 0, waiting = 0, dead = 0,
}

local function state_of(row)
    if row == NEVER then
        return "AVAILABLE"
    end
    return row.is_enabled and "ENABLED" or "DISABLED"
end

local function view(name, row)
    local plugin, refusal = plugin_admin.read(name, EVERYTHING, json.decode(tostring(row.settings)))
    local made = plugin and plugin.manifest or { version = json.null, needs = {} }
    return {
        name = name, version = made.version, state = state_of(row),
        needs = json.array({ unpack(made.needs) }),
        granted = json.array(json.decode(tostring(row.granted))),
        problem = refusal and refusal.message or json.null,
        reason = row.disabled_reason or json.null,
        failures = row.failures, waiting = row.waiting, dead = row.dead,
    }
end

--- Every folder of plugins.dir, or the one of that name, with what is known of it: {name, version,
--- state, needs, granted, problem, reason, failures, waiting, dead}. Or nil, err.
function plugin_admin.list(only)
    local rows, problem = db.query("plugin/list")
    if not rows then
        return nil, problem
    end
    local known, list = {}, json.array({})
    for _, row in ipairs(rows) do
        known[row.name] = row
    end
    for _, name in ipairs(core_plugin.folders()) do
        if name == (only or name) then
            list[#list + 1] = view(name, known[name] or NEVER)
        end
    end
    return list
end

return plugin_admin
