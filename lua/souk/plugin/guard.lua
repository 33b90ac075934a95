--- The one door into the code of plugins. Each call has a CPU budget and a deadline of its own, and
--- what goes wrong in it comes back as a text with file and line. The budget's hook spares this
--- file (core/bridge/budget.h), so that what a pcall in a plugin cannot swallow ends here; nothing
--- in it may run long, nor touch a metatable of a plugin's.
local core_plugin = require("core.plugin")
local json = require("core.json")
local err = require("souk.err")

local guard = {}

local PLACE = "plugins/[%w_/]+%.%l+:%d+"
local TEXT_MAX = 500
--- Of JSON: what a hook answers.
local VALUE_MAX_BYTES = 262144

local function raw_text(of, key)
    local value = rawget(of, key)
    return type(value) == "string" and value or "?"
end

--- Anything that was raised or returned as an error, as a text.
function guard.text(problem)
    if type(problem) == "string" then
        return problem:sub(1, TEXT_MAX)
    elseif type(problem) == "number" or type(problem) == "boolean" then
        return tostring(problem)
    elseif err.is(problem) then
        return raw_text(problem, "code") .. ": " .. raw_text(problem, "message"):sub(1, TEXT_MAX)
    end
    return "the error is a " .. type(problem) .. ", not a text"
end

--- The same with a place: that of run where the text has none.
local function placed(plugin, problem, run)
    local text = guard.text(problem)
    if text:find(PLACE) then
        return text
    end
    local place = core_plugin.place(run)
    return (place:find(PLACE) and place or "plugins/" .. plugin .. "/plugin.lua:1") .. ": " .. text
end

local function settle(plugin, run, is_ok, value, more)
    core_plugin.leave(not is_ok and value or nil)
    if is_ok then
        return true, value, more
    end
    return false, placed(plugin, value, run), value
end

--- Calls run(...), the plugin's. Returns true and its two results; or false, a text with file and
--- line, and what was raised. where: "route x.y"; ms: how long it may take, waits included.
function guard.call(plugin, where, ms, run, ...)
    core_plugin.enter(("%s\t%s\t%s"):format(plugin, where, core_plugin.place(run)), ms)
    return settle(plugin, run, pcall(run, ...))
end

--- Whether the time of the plugin that runs here is over; and what is left of it, in ms, or nil.
function guard.is_late()
    local left_ms = core_plugin.left_ms()
    return left_ms ~= nil and left_ms <= 0, left_ms
end

local function copy_of(value)
    local text = json.encode(value)
    if #text > VALUE_MAX_BYTES then
        error(("the answer is %d bytes long: at most %d"):format(#text, VALUE_MAX_BYTES), 0)
    end
    return json.decode(text)
end

--- What a plugin gave as plain data that it cannot change any more; or nil and what is wrong.
function guard.plain(value, run)
    if type(value) ~= "table" then
        return value
    end
    local is_ok, copy = pcall(copy_of, value)
    core_plugin.leave(not is_ok and copy or nil)
    if not is_ok then
        return nil, core_plugin.place(run) .. ": the answer is no plain data: " .. guard.text(copy)
    end
    return copy
end

return guard
