--- Plugins that fail. Counted in the database, so that all workers and nodes count together; one
--- that keeps failing is switched off and somebody is told.
local clock = require("core.clock")
local core_plugin = require("core.plugin")
local info = require("core.info")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local reload = require("core.reload")
local db = require("souk.db")
local err = require("souk.err")
local guard = require("souk.plugin.guard")

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
    problem = guard.text(problem):sub(1, PROBLEM_MAX)
    log.error("plugin.failed", { plugin = name, where = where, problem = problem })
    if #waiting < WAITING_MAX then
        waiting[#waiting + 1] = { name = name, where = where, problem = problem }
    end
end

--- run as a function that is called through the guard, for at most ms: what it raises is noted, and
--- raised on as a text.
function failures.watch(name, where, ms, run)
    return function(...)
        local is_ok, value, more = guard.call(name, where, ms, run, ...)
        if not is_ok then
            failures.note(name, where, value)
            error(err.is(more) and more or value, 0)
        end
        return value, more
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

local function switch_off(name, reason)
    local rows = db.exec("plugin/switch_off", name, reason)
    if rows == 1 then
        metric.inc("souk_plugin_switched_off_total", ('plugin="%s"'):format(name))
        log.error("plugin.switched_off", { plugin = name, reason = reason })
    end
end

--- What the worker before this one had to be killed in. Once is enough: it took everybody's
--- requests with it, and the next would too.
local function tell_stuck()
    local name, where, place = (core_plugin.stuck() or ""):match("^([^\t]*)\t([^\t]*)\t(.*)$")
    if not name then
        return
    end
    failures.note(name, where, place .. ": a worker was stuck in it and had to be killed")
    switch_off(name, ("a worker was stuck in %s (%s) and had to be killed"):format(where, place))
end

--- The timer of every worker: what failed is counted, and one that fails too often is switched off.
function failures.flush()
    tell_stuck()
    local list = waiting
    waiting = {}
    for _, entry in ipairs(list) do
        local row = db.tx(function()
            return db.one("plugin/fail", entry.name, entry.where, entry.problem, WINDOW_S)
        end)
        if row and row.count >= FAILURES_MAX then
            switch_off(entry.name, ("failed %d times in %d seconds, the last in %s: %s"):format(
                FAILURES_MAX, WINDOW_S, entry.where, entry.problem))
        end
    end
end

--- What this generation was loaded from, and what a reload refused.
local loaded_text, refused_text = core_plugin.state(), nil
local PATIENCE_US = 3000000
local differs_since_us

--- The timer of each node's first worker: what was switched on or off elsewhere holds here too.
function failures.follow()
    if info.worker ~= 0 then
        return
    end
    failures.mirror()
    local text = core_plugin.state()
    if text == loaded_text or text == refused_text or text == NONE and not loaded_text then
        differs_since_us = nil
        return
    end
    -- Whoever has just switched it reloads by himself: a second reload would lose what was noted.
    differs_since_us = differs_since_us or clock.monotonic_us()
    if clock.monotonic_us() - differs_since_us < PATIENCE_US then
        return
    end
    local number, why = reload()
    if not number then
        refused_text = text
        log.error("plugin.reload.refused", { problem = why })
    end
end

return failures
