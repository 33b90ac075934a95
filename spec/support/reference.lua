--- plugins/REFERENCE.md, made from the comments of what plugins may require. A function is told of
--- by the comment above it, or, where it is made elsewhere, by a comment that begins with its call:
--- `--- json.decode(text): …`. "Example:" in a comment begins Lua that runs in a plugin.
local shell = require("spec.support.shell")

local reference = {}

--- In the order of the page. here: the local name, which examples use too.
reference.SECTIONS = {
    {
        title = "Parts of plugin.lua", here = "plugin", file = "lua/souk/plugin/manifest.lua",
        intro = "The functions that a manifest gives to souk.",
        receivers = { routes = true, on = true, hooks = true, timers = true },
    },
    { module = "souk.schema", here = "s", receiver = "schema", file = "lua/souk/schema.lua",
        intro = "Types of bodies, parameters, answers and settings. `check(value)` gives the clean "
            .. "value, or nil and the list of faults {field, message}; `text(value)` the same for "
            .. "a query string or a path; `example` is a value that fits." },
    { module = "souk.web", here = "web", file = "lua/souk/web.lua",
        intro = "Answers: what a handler returns besides a table." },
    { module = "souk.err", here = "err", file = "lua/souk/err.lua",
        also = "lua/souk/plugin/environment.lua",
        intro = "Refusals: what a handler returns as `nil, err`." },
    { module = "souk.db", here = "db", receiver = "made", file = "lua/souk/plugin/database.lua",
        intro = "Needs `db`. Statements are named by their file below sql/queries, without .sql. "
            .. "Each function returns nil, err when the statement fails. In a transaction each "
            .. "failure must be returned. A row is a table by the names of its columns; SQL's null "
            .. "is nil." },
    { module = "souk.events", here = "events", file = "lua/souk/plugin/environment.lua",
        intro = "Needs `db`." },
    { module = "souk.fetch", here = "fetch", file = "lua/souk/plugin/fetch.lua",
        intro = "Needs `fetch`. Requests to others, to public addresses over https alone, whatever "
            .. "a name resolves to; eight at a time in each worker. `plugins.private_addresses` "
            .. "lifts that on one's own machine." },
    { module = "souk.money", here = "money", file = "lua/souk/money.lua",
        intro = "Whole minor units, exactly." },
    { module = "souk.time", here = "time", file = "lua/souk/time.lua", intro = "The clock." },
    { module = "souk.text", here = "text", file = "lua/souk/text.lua", intro = "Texts." },
    { module = "souk.json", here = "json", file = "lua/souk/plugin/environment.lua",
        intro = "JSON." },
    { module = "souk.crypto", here = "crypto", file = "lua/souk/plugin/environment.lua",
        intro = "Digests, random texts, ids." },
    { module = "souk.geo", here = "geo", file = "lua/souk/geo.lua",
        intro = "Who is near, from this worker's memory: microseconds a call, exact along the mean "
            .. "sphere, a second or so old at most. Arguments out of range raise." },
    { module = "souk.log", here = "log", file = "lua/souk/plugin/environment.lua",
        intro = "The server's log." },
}

--- Text and example of a comment's lines.
local function parts_of(lines)
    local comment = table.concat(lines, "\n")
    local said, example = comment:match("^(.-)%s*%f[%w]Example:%s*(.*)$")
    return (said or comment):gsub("\n", " "), example
end

--- Calls each(lines, code) for every comment that begins with three dashes; code: what follows it.
local function each_comment(text, each)
    local lines
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        local said = line:match("^%s*%-%-%-? ?(.*)$")
        if said and (lines or line:find("^%s*%-%-%-")) then
            lines = lines or {}
            lines[#lines + 1] = said
        elseif lines then
            each(lines, line)
            lines = nil
        end
    end
end

local function is_of(section, receiver)
    if section.receivers then
        return section.receivers[receiver]
    end
    return receiver == section.here or receiver == section.receiver
end

local function add(section, entries, receiver, name, arguments, lines)
    if not is_of(section, receiver) then
        return
    end
    local said, example = parts_of(lines)
    local shown = section.receivers and receiver or section.here
    entries[#entries + 1] = {
        name = name, call = ("%s.%s%s"):format(shown, name, arguments), said = said,
        example = example,
    }
end

local function collect(section, path, entries)
    each_comment(assert(shell.read(path), path), function(lines, code)
        local receiver, name, arguments = code:match("^%s*function ([%w_]+)%.([%w_]+)(%b())")
        if receiver then
            return add(section, entries, receiver, name, arguments, lines)
        end
        local rest
        receiver, name, arguments, rest = lines[1]:match("^([%l_]+)%.([%w_]+)(%(?[^:)]*%)?): (.*)$")
        if receiver and (arguments == "" or arguments:find("^%b()$")) then
            lines[1] = rest
            add(section, entries, receiver, name, arguments, lines)
        end
    end)
end

--- {{name, call, said, example}, …} of a section.
function reference.entries(section)
    local entries = {}
    collect(section, section.file, entries)
    if section.also then
        collect(section, section.also, entries)
    end
    if section.module == "souk.web" then
        local given = {
            accepted = true, created = true, json = true, no_content = true, reply = true,
        }
        for i = #entries, 1, -1 do
            if not given[entries[i].name] then
                table.remove(entries, i)
            end
        end
    end
    return entries
end

--- The refusals of err.def: {name, status, code, message}, in its order.
function reference.refusals()
    local list = {}
    for name, status, code, message in assert(shell.read("core/base/err.def")):gmatch(
        '\nERR%(([%u_]+), (%d+), "([^"]+)", [^,]+, "([^"]*)"%)') do
        list[#list + 1] = { name = name:lower(), status = status, code = code, message = message }
    end
    return list
end

--- A comment as a sentence; one that begins with the name of a parameter keeps it as it is.
local function sentence(entry)
    local first = entry.said:match("^[%w_]+")
    local is_parameter = first and entry.call:find("[(, ]" .. first .. "[,)]")
    local said = is_parameter and entry.said or entry.said:gsub("^%l", string.upper)
    return (said:gsub("([%w)`\"}])$", "%1."))
end

local function add_section(out, section)
    out[#out + 1] = ("## %s\n%s\n"):format(section.title or section.module, section.intro)
    for _, entry in ipairs(reference.entries(section)) do
        out[#out + 1] = ("### `%s`"):format(entry.call)
        if entry.said ~= "" then
            out[#out + 1] = sentence(entry)
        end
        out[#out + 1] = ("```lua\n%s\n```\n"):format(entry.example or "")
    end
    if section.module == "souk.err" then
        out[#out + 1] = "| err.NAME | status | code | message |\n|---|---|---|---|"
        for _, row in ipairs(reference.refusals()) do
            out[#out + 1] = ("| %s | %s | %s | %s |"):format(row.name, row.status, row.code,
                row.message)
        end
        out[#out + 1] = ""
    end
end

--- The names that examples use, as the beginning of a plugin's file has them.
function reference.prelude()
    local names, modules = {}, {}
    for _, section in ipairs(reference.SECTIONS) do
        if section.module then
            names[#names + 1] = section.here
            modules[#modules + 1] = ('require("%s")'):format(section.module)
        end
    end
    return ("local %s = %s"):format(table.concat(names, ", "), table.concat(modules, ", "))
end

--- The page.
function reference.text()
    local out = {
        "# What plugins may call\n",
        "Made from the comments of the code by spec/tidy/reference_spec.lua; "
            .. "`SOUK_REFERENCE=write ./souk test\nspec/tidy/reference_spec.lua` writes it anew. "
            .. "Every example is run by that spec as the plugin wishlist. A module is had by\n"
            .. '`require`: `local s = require("souk.schema")`. All of them are read-only. '
            .. "`require(\"souk.settings\")` is the table of the\nplugin's settings; "
            .. "`require(\"NAME.module\")` is a file of the plugin NAME itself. Hook points, "
            .. "events and their data are in\n[README.md](README.md).\n",
    }
    for _, section in ipairs(reference.SECTIONS) do
        add_section(out, section)
    end
    return (table.concat(out, "\n"):gsub("\n+$", "\n"))
end

return reference
