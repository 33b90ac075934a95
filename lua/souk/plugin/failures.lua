--- Plugins that fail. Counted in the database, so that all workers and nodes count together; one
--- that keeps failing is switched off and somebody is told.
local core_plugin = require("core.plugin")
local info = require("core.info")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local reload = require("core.reload")
local db = require("souk.db")

local failures = {}

local WINDOW_S = 60
local FAILURES_MAX = 5
local WAITING_MAX = 100
local PROBLEM_MAX = 500

local NONE = json.encode({ plugins = json.array({}) })

local waiting = {}

--- Notes that a plugin has failed; written down by the timer, since the transaction that failed
--- takes everything with it.
function failures.note(name, where, problem)
    metric.inc("souk_plugin_failures_total", ('plugin="%s"'):format(name))
    log.error("plugin.failed", { plugin = name, where = where, problem = tostring(problem) })
    if #waiting < WAITING_MAX then
        waiting[#waiting + 1] = {
            name = name, where = where, problem = tostring(problem):sub(1, PROBLEM_MAX),
        }
    end
end

--- Calls run(...) and notes when it raises; raises on.
function failures.watch(name, where, run)
    return function(...)
        local is_ok, value, problem = pcall(run, ...)
        if not is_ok then
            failures.note(name, where, value)
            error(value, 0)
        end
        return value, problem
    end
end

--- The node's list from the database's, when that differs. true: it was written anew.
function failures.mirror()
    local rows, problem = db.query("plugin/enabled")
    if not rows then
        return nil, problem
    end
    local list = json.array({})
    for i, row in ipairs(rows) do
        list[i] = {
            name = row.name, granted = json.decode(tostring(row.granted)),
            settings = json.object(json.decode(tostring(row.settings))),
        }
    end
    local text = json.encode({ plugins = list })
    if text == core_plugin.state() then
        return false
    end
    local is_saved, why = core_plugin.save_state(text)
    if not is_saved then
        log.error("plugin.state.failed", { problem = why })
        return false
    end
    return true
end

local function switch_off(name)
    local rows = db.exec("plugin/switch_off", name,
        ("failed %d times in %d seconds"):format(FAILURES_MAX, WINDOW_S))
    if rows == 1 then
        log.error("plugin.switched_off", { plugin = name })
    end
end

--- The timer of every worker: what failed is counted, and one that fails too often is switched off.
function failures.flush()
    local list = waiting
    waiting = {}
    for _, entry in ipairs(list) do
        local row = db.tx(function()
            return db.one("plugin/fail", entry.name, entry.where, entry.problem, WINDOW_S)
        end)
        if row and row.count >= FAILURES_MAX then
            switch_off(entry.name)
        end
    end
end

--- What this generation was loaded from, and what a reload refused.
local loaded_text, refused_text = core_plugin.state(), nil

--- The timer of each node's first worker: what was switched on or off elsewhere holds here too.
function failures.follow()
    if info.worker ~= 0 then
        return
    end
    failures.mirror()
    local text = core_plugin.state()
    if text == loaded_text or text == refused_text or text == NONE and not loaded_text then
        return
    end
    local number, why = reload()
    if not number then
        refused_text = text
        log.error("plugin.reload.refused", { problem = why })
    end
end

return failures
