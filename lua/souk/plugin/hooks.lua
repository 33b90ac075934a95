--- Hooks: plugins that have a word inside a request. They run one after the other in an order that
--- the manifests say (before, after, then by name), each on a copy of what the one before gave.
local clock = require("core.clock")
local core_db = require("core.db")
local core_plugin = require("core.plugin")
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local failures = require("souk.plugin.failures")
local guard = require("souk.plugin.guard")

local hooks = {}

local DEADLINE_MS = 1000

--- point -> list of {plugin, run, is_optional, deadline_ms}, in order.
local by_point = {}

local function add(point, entry)
    by_point[point] = by_point[point] or {}
    table.insert(by_point[point], entry)
end

--- Which plugins must come before one: its own `after`, and whoever says `before` it.
local function predecessors(list, entry)
    local names = {}
    for _, other in ipairs(list) do
        for _, name in ipairs(entry.after) do
            names[other.plugin] = names[other.plugin] or other.plugin == name or nil
        end
        for _, name in ipairs(other.before) do
            names[other.plugin] = names[other.plugin] or name == entry.plugin or nil
        end
    end
    return names
end

local function is_ready(list, entry, placed)
    for name in pairs(predecessors(list, entry)) do
        if not placed[name] then
            return false
        end
    end
    return true
end

--- list sorted; or raises when the manifests contradict each other.
local function in_order(point, list)
    table.sort(list, function(a, b)
        return a.plugin < b.plugin
    end)
    local sorted, placed = {}, {}
    while #sorted < #list do
        local found
        for _, entry in ipairs(list) do
            if not placed[entry.plugin] and is_ready(list, entry, placed) then
                found = entry
                break
            end
        end
        if not found then
            error(("hooks['%s']: before and after of the plugins contradict each other")
                :format(point), 0)
        end
        sorted[#sorted + 1], placed[found.plugin] = found, true
    end
    return sorted
end

--- At load. hook: of a manifest.
function hooks.register(plugin, point, hook)
    add(point, {
        plugin = plugin, run = hook.run, is_optional = hook.optional == true,
        deadline_ms = hook.deadline_ms or DEADLINE_MS, before = hook.before or {},
        after = hook.after or {},
    })
end

--- At the end of the load.
function hooks.settle()
    for point, list in pairs(by_point) do
        by_point[point] = in_order(point, list)
    end
end

--- The names of the plugins at a point, in order.
function hooks.names(point)
    local names = {}
    for i, entry in ipairs(by_point[point] or {}) do
        names[i] = entry.plugin
    end
    return names
end

--- Whether any plugin has a word at a point: nothing needs to be told otherwise.
function hooks.any(point)
    return by_point[point] ~= nil
end

function hooks.points()
    local points = {}
    for point in pairs(by_point) do
        points[#points + 1] = point
    end
    table.sort(points)
    return points
end

local function refusal(entry, message)
    return err.plugin_refused(guard.text(message), { { field = "plugin", message = entry.plugin } })
end

--- What nil and a message mean: nil, err for a refusal; nil, nil, problem when the plugin has
--- failed and says so.
local function refused(entry, message)
    if not err.is(message) then
        return nil, refusal(entry, message)
    elseif message.code == "internal" then
        return nil, nil, core_plugin.place(entry.run) .. ": a statement of it failed"
    end
    return nil, message
end

--- One hook on a copy of value: the changed value; nil, err when it refuses; or nil, nil, problem
--- when it fails.
local function run_one(point, entry, value)
    local since_us = clock.monotonic_us()
    local is_ok, changed, message = guard.call(entry.plugin, "hook " .. point, entry.deadline_ms,
        entry.run, json.decode(json.encode(value)))
    local took_ms = (clock.monotonic_us() - since_us) / 1000
    if not is_ok then
        return nil, nil, changed
    elseif took_ms > entry.deadline_ms then
        return nil, nil, ("%s: took %d of %d ms"):format(core_plugin.place(entry.run), took_ms,
            entry.deadline_ms)
    elseif changed == nil and message ~= nil then
        return refused(entry, message)
    elseif changed == nil then
        return {}
    end
    local plain, problem = guard.plain(changed, entry.run)
    return plain, nil, problem
end

--- What the hook of an optional plugin did in the transaction of the request is taken back alone
--- when it fails: results as run_one's.
local function run_apart(point, entry, value)
    local is_begun, trouble = db.exec("plugin/savepoint")
    if not is_begun then
        return nil, trouble
    end
    core_db.keep(true)
    local changed, no, problem = run_one(point, entry, value)
    if not no and not problem then
        local _, failure = db.exec("plugin/savepoint_end")
        problem = failure and ("%s: a statement of it failed, and it went on"):format(
            core_plugin.place(entry.run))
    end
    if problem then
        local _, lost = db.exec("plugin/savepoint_back")
        no = lost
    end
    core_db.keep(false)
    return changed, no, problem
end

--- What a hook gave, taken into value: the new value; or nil and a problem.
local function take(entry, value, changed, merge)
    if merge then
        return merge(value, changed, entry.plugin)
    end
    return changed
end

--- Lets every plugin at point have its word. merge(value, changed, plugin) -> new value | nil,
--- problem takes each answer in; without it the answer is the new value. Returns the value in the
--- end; or nil, err.
function hooks.run(point, value, merge)
    for _, entry in ipairs(by_point[point] or {}) do
        local run = entry.is_optional and db.in_tx() and run_apart or run_one
        local changed, no, problem = run(point, entry, value)
        if no then
            return nil, no
        end
        local taken
        if not problem then
            taken, problem = take(entry, value, changed, merge)
        end
        if not problem then
            value = taken
        else
            failures.note(entry.plugin, "hook " .. point, problem)
            if not entry.is_optional then
                return nil, err.plugin_failed(nil,
                    { { field = "plugin", message = entry.plugin } })
            end
        end
    end
    return value
end

local function keep(value)
    return value
end

--- Lets every plugin at point say no, or do its part: true, or nil, err.
function hooks.ask(point, value)
    local kept, no = hooks.run(point, value, keep)
    if not kept then
        return nil, no
    end
    return true
end

return hooks
