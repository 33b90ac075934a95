--- Plugins that fail. Counted in the database, so that all workers and nodes count together; one
--- that keeps failing is switched off and somebody is told.
local clock = require("core.clock")
local core_plugin = require("core.plugin")
local info = require("core.info")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local reload = require("core.reload")
local sleep = require("core.sleep")
local db = require("souk.db")
local err = require("souk.err")
local guard = require("souk.plugin.guard")

local failures = {}

local WINDOW_S = 60
local FAILURES_MAX = 5
local WAITING_MAX = 100
local PROBLEM_MAX = 500

--- Until several that come together are written down, and until a database that was away is asked
--- again; so many times.
local GATHER_MS, PAUSE_MS, TRIES_MAX = 100, 1000, 30

local NONE = json.encode({ plugins = json.array({}) })

local waiting, is_writing = {}, false
local write_down

--- Notes that a plugin has failed. Written down by a coroutine of its own: the transaction that
--- failed takes everything with it, and a generation that a reload replaces keeps its word.
function failures.note(name, where, problem)
    metric.inc("souk_plugin_failures_total", ('plugin="%s"'):format(name))
    problem = guard.text(problem):sub(1, PROBLEM_MAX)
    log.error("plugin.failed", { plugin = name, where = where, problem = problem })
    if #waiting >= WAITING_MAX then
        return
    end
    waiting[#waiting + 1] = { name = name, where = where, problem = problem }
    if not is_writing then
        is_writing = true
        core_plugin.later(write_down)
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

local function list_text(rows)
    local list = json.array({})
    for i, row in ipairs(rows) do
        list[i] = {
            name = row.name, granted = json.decode(tostring(row.granted)),
            settings = json.object(json.decode(tostring(row.settings))),
        }
    end
    return json.encode({ plugins = list })
end

--- The database's list written to the node's file, when they differ; or nil, err. In a transaction
--- that locks: who has read an older list cannot write it after a newer one.
local function write_list()
    local _, problem = db.one("plugin/lock_list")
    local rows
    if not problem then
        rows, problem = db.query("plugin/enabled")
    end
    if problem then
        return nil, problem
    end
    local text = list_text(rows)
    if text == core_plugin.state() then
        return false
    end
    local is_saved, why = core_plugin.save_state(text)
    if not is_saved then
        log.error("plugin.state.failed", { problem = why })
    end
    return is_saved == true
end

--- The node's list from the database's, when that differs. true: it was written anew.
function failures.mirror()
    local rows, problem = db.query("plugin/enabled")
    if not rows then
        return nil, problem
    elseif list_text(rows) == core_plugin.state() then
        return false
    end
    return db.tx(write_list)
end

--- What this generation was loaded from, and what a reload refused.
local loaded_text, refused_text = core_plugin.state(), nil

local function is_settled(text)
    return text == loaded_text or text == refused_text or text == NONE and not loaded_text
end

local function serve_list()
    local text = core_plugin.state()
    local number, why = reload()
    if not number then
        refused_text = text
        log.error("plugin.reload.refused", { problem = why })
    end
end

local function switch_off(name, reason)
    local rows = db.exec("plugin/switch_off", name, reason)
    if rows == 1 then
        metric.inc("souk_plugin_switched_off_total", ('plugin="%s"'):format(name))
        log.error("plugin.switched_off", { plugin = name, reason = reason })
        failures.mirror()
        serve_list()
    end
end

--- What the worker before this one had to be killed in. Once is enough: it took everybody's
--- requests with it, and the next would too.
function failures.tell_stuck()
    local name, where, place = (core_plugin.stuck() or ""):match("^([^\t]*)\t([^\t]*)\t(.*)$")
    if not name then
        return
    end
    failures.note(name, where, place .. ": a worker was stuck in it and had to be killed")
    switch_off(name, ("a worker was stuck in %s (%s) and had to be killed"):format(where, place))
end

--- One failure written down; how many there are by now, or nil, err. Two workers take turns, or
--- each would miss the other's last one.
local function add(entry)
    return db.tx(function()
        local known, problem = db.one("plugin/lock", entry.name)
        if not known then
            return nil, problem or err.not_found()
        end
        local row, failure = db.one("plugin/fail", entry.name, entry.where, entry.problem, WINDOW_S)
        return row and row.count, failure
    end)
end

local function add_or_wait(entry)
    for _ = 1, TRIES_MAX do
        local count, problem = add(entry)
        if count or problem.code == "not_found" then
            return count or 0
        end
        sleep(PAUSE_MS)
    end
    return 0
end

local function write_one(entry)
    if add_or_wait(entry) >= FAILURES_MAX then
        switch_off(entry.name, ("failed %d times in %d seconds, the last in %s: %s"):format(
            FAILURES_MAX, WINDOW_S, entry.where, entry.problem))
    end
end

function write_down()
    sleep(GATHER_MS)
    while #waiting > 0 do
        local list = waiting
        waiting = {}
        for _, entry in ipairs(list) do
            write_one(entry)
        end
    end
    is_writing = false
end

local PATIENCE_US = 3000000
local differs_since_us

--- The timer of each node's first worker: what was switched on or off elsewhere holds here too.
function failures.follow()
    if info.worker ~= 0 then
        return
    end
    local is_ours = failures.mirror()
    if is_settled(core_plugin.state()) then
        differs_since_us = nil
        return
    end
    -- Who has written the list reloads: not twice.
    differs_since_us = differs_since_us or clock.monotonic_us()
    if is_ours or clock.monotonic_us() - differs_since_us >= PATIENCE_US then
        serve_list()
    end
end

return failures
