--- souk.db as a plugin has it: its own statements, run under its own role, so that it reaches its
--- own schema and what was granted to it. Outside a transaction each call is one of its own; inside
--- that of a request (a hook) the role is put on before and taken off after, in the same pipeline.
local core_db = require("core.db")
local json = require("core.json")
local db = require("souk.db")
local guard = require("souk.plugin.guard")

local database = {}

--- A statement of a plugin begins with one of these: nothing that changes the session.
local BEGINNINGS = {
    select = true, insert = true, update = true, delete = true, with = true, values = true,
    merge = true,
}

--- What is wrong with the text of a statement; nil when nothing is.
function database.problem(text)
    local body = text:gsub("%-%-[^\n]*", ""):gsub("/%*.-%*/", "")
    local first = body:match("^%s*(%a+)")
    if not first or not BEGINNINGS[first:lower()] then
        return "a statement begins with select, insert, update, delete, with, values or merge"
    elseif body:lower():find("set_config", 1, true) then
        return "set_config is not for plugins"
    elseif body:gsub("%s*;%s*$", ""):find(";") then
        return "one statement a file"
    end
    return nil
end

--- Words that a migration has no use for: they leave the plugin's role, or make code that could.
local NOT_IN_MIGRATIONS = {
    "role", "authorization", "set_config", "function", "procedure", "do", "copy", "extension",
    "grant", "revoke", "begin", "commit", "rollback",
}

--- What is wrong with the text of a migration; nil when nothing is.
function database.migration_problem(text)
    local body = " " .. text:gsub("%-%-[^\n]*", ""):gsub("/%*.-%*/", ""):lower() .. " "
    for _, word in ipairs(NOT_IN_MIGRATIONS) do
        if body:find("%f[%w_]" .. word .. "%f[^%w_]") then
            return ("a plugin's migration makes tables and indexes: it may not say '%s'")
                :format(word)
        end
    end
    return nil
end

--- A statement with its arguments as an entry of a batch, where a nil would end the list.
local function entry_of(statement, ...)
    local entry = { statement }
    for i = 1, select("#", ...) do
        local argument = select(i, ...)
        entry[i + 1] = argument == nil and json.null or argument
    end
    return entry
end

local function prefixed(name, entry)
    local copy = {}
    for key, value in pairs(entry) do
        copy[key] = value
    end
    copy[1] = ("plugin.%s/%s"):format(name, entry[1])
    return copy
end

--- Runs entries under the plugin's role: their results in order; or nil, err.
local function run(name, deadline_ms, entries)
    local is_late, left_ms = guard.is_late()
    if is_late then
        error("the time of this call is used up", 4)
    end
    deadline_ms = math.min(deadline_ms, left_ms or deadline_ms)
    local all = { { "plugin/enter", "plugin_" .. name, tostring(deadline_ms) } }
    for _, entry in ipairs(entries) do
        all[#all + 1] = prefixed(name, entry)
    end
    if core_db.in_tx() then
        all[#all + 1] = { "plugin/leave" }
        all[#all + 1] = { "plugin/leave_time" }
    end
    local results, problem = core_db.batch(all)
    if not results then
        return nil, problem
    end
    local own = {}
    for i = 1, #entries do
        own[i] = results[i + 1]
    end
    return own
end

--- db.array(list): a list as one argument of a statement (`$1::uuid[]`).
--- Example: local ids = db.array({ crypto.uuid7(), crypto.uuid7() })

--- db.tx(fn): runs fn in a transaction: it commits when fn returns, and rolls back when fn returns
--- nil, err or raises. Inside another it is a part of that one. A deadlock runs fn again. Example:
--- assert(db.tx(function()
---     return db.exec("wish/fulfil", crypto.uuid7())
--- end))

--- db.in_tx(): whether a transaction is open: in hooks and handlers of events it is.
--- Example: assert(not db.in_tx())

--- The module. options: {deadline_ms}.
function database.of(name, options)
    local deadline_ms = options.deadline_ms
    local made = { array = core_db.array, tx = db.tx, in_tx = core_db.in_tx }

    --- Statements in one go, all or nothing: {{"noun/verb", argument…}, …} -> arrays of rows.
    --- Example: local results = db.batch({ { "wish/fulfil", crypto.uuid7() } })
    function made.batch(entries)
        return run(name, deadline_ms, entries)
    end

    --- The rows of a statement, as tables.
    --- Example: assert(#db.query("wish/wanted", crypto.uuid7()) == 0)
    function made.query(statement, ...)
        local results, problem = run(name, deadline_ms, { entry_of(statement, ...) })
        if not results then
            return nil, problem
        end
        return results[1]
    end

    --- The first row, or nil when there is none.
    --- Example: assert(db.one("wish/remove", crypto.uuid7(), crypto.uuid7()) == nil)
    function made.one(statement, ...)
        local rows, problem = made.query(statement, ...)
        if not rows then
            return nil, problem
        end
        return rows[1]
    end

    --- A statement for its effect: true, or nil, err.
    --- Example: assert(db.exec("wish/fulfil", crypto.uuid7()))
    function made.exec(statement, ...)
        local rows, problem = made.query(statement, ...)
        if not rows then
            return nil, problem
        end
        return true
    end

    --- The rows as JSON text, shaped by the names of their columns.
    --- Example: assert(db.json("wish/list", crypto.uuid7()) == "[]")
    function made.json(statement, ...)
        local entry = entry_of(statement, ...)
        entry.json = true
        local results, problem = run(name, deadline_ms, { entry })
        if not results then
            return nil, problem
        end
        return results[1]
    end

    return made
end

return database
