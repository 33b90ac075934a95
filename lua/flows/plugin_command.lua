--- `souk plugin …`: what an operator and an author do from a shell.
local hooks = require("souk.plugin.hooks")
local manifest = require("souk.plugin.manifest")
local plugin_admin = require("flows.plugin_admin")
local plugin_template = require("flows.plugin_template")

local USAGE = [[
usage: souk plugin list                           every folder, what it may and how it fares
       souk plugin new NAME                       a plugin that passes its own spec
       souk plugin check NAME                     read its manifest and statements; no server needed
       souk plugin enable NAME [--grant all|WORD,…] [--setting KEY=VALUE]…
       souk plugin disable NAME]]

local function value_of(text)
    if text == "true" or text == "false" then
        return text == "true"
    end
    return tonumber(text) or text
end

local function parse(arguments)
    local words, options, at = {}, {}, 2
    while arguments[at] do
        local name, value = arguments[at]:match("^%-%-(%l+)$"), arguments[at + 1]
        if name == "setting" and value then
            local key, text = value:match("^([%w_]+)=(.*)$")
            options.settings = options.settings or {}
            options.settings[key or value] = value_of(text or "true")
            at = at + 1
        elseif name then
            options[name], at = value, at + 1
        else
            words[#words + 1] = arguments[at]
        end
        at = at + 1
    end
    return words, options
end

local commands = {}

function commands.list()
    local list, problem = plugin_admin.list()
    if not list then
        return nil, problem
    end
    local lines = { ("%-16s %-9s %-10s %-8s %-8s %-5s %s"):format("plugin", "version", "state",
        "failures", "waiting", "dead", "needs") }
    for _, row in ipairs(list) do
        lines[#lines + 1] = ("%-16s %-9s %-10s %-8d %-8d %-5d %s"):format(row.name,
            tostring(row.version), row.state, row.failures, row.waiting, row.dead,
            table.concat(row.needs, " "))
        if type(row.problem) == "string" or type(row.reason) == "string" then
            lines[#lines + 1] = "    " .. tostring(type(row.problem) == "string" and row.problem
                or row.reason)
        end
    end
    for _, point in ipairs(manifest.point_names()) do
        local names = hooks.names(point)
        if #names > 0 then
            lines[#lines + 1] = ("hook %s: %s"):format(point, table.concat(names, ", "))
        end
    end
    return table.concat(lines, "\n")
end

function commands.new(words)
    return plugin_template.write(words[1] or "")
end

function commands.check(words)
    if not words[1] then
        return nil, { message = USAGE }
    end
    local plugin, problem = plugin_admin.read(words[1], plugin_admin.EVERYTHING, {})
    if not plugin then
        return nil, problem
    end
    return ("plugins/%s: version %s, %d routes, needs %s"):format(words[1],
        plugin.manifest.version, #plugin.manifest.routes,
        #plugin.manifest.needs > 0 and table.concat(plugin.manifest.needs, " ") or "nothing")
end

function commands.enable(words, options)
    if not words[1] then
        return nil, { message = USAGE }
    end
    local plugin, problem = plugin_admin.enable(words[1], {
        grant = options.grant, settings = options.settings,
    })
    if not plugin then
        return nil, problem
    end
    return ("%s %s is switched on"):format(words[1], plugin.manifest.version)
end

--- What the binary asks for when the server refuses what was just switched on.
function commands.undo(words)
    local is_done, problem = plugin_admin.undo(words[1])
    if not is_done then
        return nil, problem
    end
    return words[1] .. " is as it was"
end

function commands.disable(words)
    if not words[1] then
        return nil, { message = USAGE }
    end
    local is_done, problem = plugin_admin.disable(words[1])
    if not is_done then
        return nil, problem
    end
    return words[1] .. " is switched off; its tables stay"
end

return function(...)
    local arguments = { ... }
    local run = commands[arguments[1] or ""]
    if not run then
        return nil, { message = USAGE }
    end
    return run(parse(arguments))
end
