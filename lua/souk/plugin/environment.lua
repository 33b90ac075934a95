--- What the code of a plugin sees: globals of its own, read-only libraries, and a require that
--- gives the kit and the plugin's own modules and nothing else.
local core_plugin = require("core.plugin")
local json = require("core.json")
local database = require("souk.plugin.database")

local environment = {}

local BASE = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "select",
    "setmetatable", "tonumber", "tostring", "type", "unpack",
}
local DEADLINE_MS = 3000

--- A view of a table that nobody can change through it.
local function read_only(of, what)
    return setmetatable({}, {
        __index = of,
        __newindex = function(_, key)
            error(("%s.%s cannot be set: it belongs to souk"):format(what, tostring(key)), 2)
        end,
        __metatable = false,
    })
end

local function pick(module, names)
    local picked = {}
    for _, name in ipairs(names) do
        picked[name] = module[name]
    end
    return picked
end

local function names_of(module)
    local names = {}
    for name in pairs(module) do
        names[#names + 1] = name
    end
    return names
end

--- The functions of a module, those of what it is built on included: what else is in it is shared
--- with souk and with other plugins.
local function functions_of(module, ...)
    local functions = {}
    for _, part in ipairs({ module, ... }) do
        for key, value in pairs(part) do
            if type(value) == "function" and functions[key] == nil then
                functions[key] = value
            end
        end
    end
    return functions
end

--- log.debug(event, fields): a line in the server's log; fields: a table of plain values, or nil.
--- Example: log.debug("wishlist.looked_at", { wishes = 3 })

--- log.info(event, fields): the same, for what operators want to see.
--- Example: log.info("wishlist.swept", { rows = 3 })

--- log.warn(event, fields): the same, for what somebody should look at.
--- Example: log.warn("wishlist.full", { rows = 500 })

--- log.error(event, fields): the same, for what is broken. Example: log.error("wishlist.broken")

--- Modules of the kit that a plugin may have: their functions.
local KIT = {
    ["souk.money"] = "souk.money", ["souk.time"] = "souk.time", ["souk.text"] = "souk.text",
    ["souk.log"] = "core.log", ["souk.geo"] = "souk.geo",
}

--- err.NAME(message, details): a refusal by its name, out of the table below; a handler returns it
--- as nil, err. Both may be left out. details: a list of {field, message}.
--- Example: local problem = err.conflict("it is taken", { { field = "code", message = "twice" } })

--- err.is(value): whether a value is such a refusal. Example: assert(err.is(err.not_found()))

local function errors()
    return functions_of(require("souk.err"), require("core.err"))
end

--- Types, where the names of a plugin are its own: "NAME.Thing" in the document.
local function types(plugin)
    local kit = require("souk.schema")
    local made = functions_of(kit)
    local prefix = plugin.name .. "."
    plugin.definitions = {}
    function made.ref(name)
        return kit.ref(kit.definitions[name] and name or prefix .. name)
    end
    function made.define(name, defined)
        if type(name) ~= "string" or not name:find("^%w+$") then
            error("the name of a type is letters and digits", 2)
        elseif plugin.definitions[prefix .. name] or kit.definitions[name] then
            error("schema " .. name .. " is defined twice", 2)
        end
        plugin.definitions[prefix .. name] = defined
        return kit.ref(prefix .. name)
    end
    return made
end

local function answers()
    return pick(require("souk.web"), { "accepted", "created", "json", "no_content", "reply" })
end

--- crypto.derive(text): 64 hex digits that follow from the server's key, the plugin's name and the
--- text, and that nobody can guess: a secret that need not be kept. A new auth.key makes new ones.
--- Example: local secret = crypto.derive("endpoint 7")
--- assert(#secret == 64 and secret == crypto.derive("endpoint 7"))

--- crypto.equal(a, b): whether two texts are the same, in a time that does not tell where not.
--- Example: assert(crypto.equal("secret", "secret"))

--- crypto.hmac_sha256(key, data): HMAC-SHA-256 in hex.
--- Example: assert(#crypto.hmac_sha256("key", "data") == 64)

--- crypto.is_uuid(value): whether it is a text that is a UUID.
--- Example: assert(crypto.is_uuid(crypto.uuid7()))

--- crypto.random_base62(length): letters and digits that nobody can guess; length: 1 to 256.
--- Example: assert(#crypto.random_base62(10) == 10)

--- crypto.random_hex(bytes): so many random bytes in hex; bytes: 1 to 256.
--- Example: assert(#crypto.random_hex(8) == 16)

--- crypto.sha256(data): SHA-256 in hex. Example: assert(crypto.sha256(""):sub(1, 6) == "e3b0c4")

--- crypto.uuid7(): a new UUID that sorts by its time. Example: local id = crypto.uuid7()

local function crypto(plugin)
    local core = require("core.crypto")
    local made = pick(core, {
        "equal", "hmac_sha256", "is_uuid", "random_base62", "random_hex", "sha256", "uuid7",
    })
    function made.derive(text)
        assert(type(text) == "string", "crypto.derive takes a text")
        return core.seal(("plugin %s %s"):format(plugin.name, text))
    end
    return made
end

--- json.array(list): marks a table as a list, so that an empty one is [].
--- Example: assert(json.encode(json.array({})) == "[]")

--- json.decode(text): the value; or nil and what is wrong with the text.
--- Example: assert(json.decode("{\"a\":1}").a == 1)

--- json.encode(value): text, whole numbers exactly. Raises at what JSON cannot say.
--- Example: assert(json.encode({ a = 1 }) == "{\"a\":1}")

--- json.object(table): marks a table as an object, so that an empty one is {}.
--- Example: assert(json.encode(json.object({})) == "{}")

--- json.raw(text): text that is JSON already; it goes out unread.
--- Example: assert(json.encode({ a = json.raw("[1]") }) == "{\"a\":[1]}")

--- json.null: JSON's null, which Lua's nil is not: json.encode({ json.null }) is [null].
--- Example: assert(json.decode("[null]")[1] == json.null)

local function json_module()
    return pick(json, { "array", "decode", "encode", "null", "object", "raw" })
end

local function events(name)
    local kit = require("souk.events")
    return {
        --- events.emit(what, data): tells others "plugin.NAME.what" after commit. Raises outside
        --- db.tx. Example:
        --- assert(db.tx(function()
        ---     return events.emit("swept", { rows = 3 })
        --- end))
        emit = function(what, data)
            return kit.emit(("plugin.%s.%s"):format(name, what), data)
        end,
    }
end

--- What must be among the needs of who requires it.
local NEED_OF = { ["souk.db"] = "db", ["souk.events"] = "db", ["souk.fetch"] = "fetch" }

--- What needs more than the name: made once a plugin.
local function makers(plugin)
    local granted = {}
    for _, word in ipairs(plugin.granted) do
        granted[word] = true
    end
    return {
        ["souk.err"] = errors,
        ["souk.schema"] = function()
            return types(plugin)
        end,
        ["souk.web"] = answers,
        ["souk.crypto"] = function()
            return crypto(plugin)
        end,
        ["souk.json"] = json_module,
        ["souk.settings"] = function()
            return plugin.settings
        end,
        ["souk.db"] = granted.db and function()
            return database.of(plugin.name, { deadline_ms = DEADLINE_MS })
        end or "db",
        ["souk.events"] = granted.db and function()
            return events(plugin.name)
        end or "db",
        ["souk.fetch"] = granted.fetch and function()
            return require("souk.plugin.fetch")
        end or "fetch",
    }
end

local function own_module(plugin, module, env)
    local inner = type(module) == "string"
        and module:match("^" .. plugin.name .. "%.([%w_][%w_.]*)$")
    if not inner or inner:find("..", 1, true) or inner:find("%.$") then
        error(("module '%s' is not for plugins: see plugins/README.md")
            :format(tostring(module)), 3)
    end
    local chunk, problem = core_plugin.load(plugin.name, (inner:gsub("%.", "/")), env)
    if not chunk then
        error(problem, 3)
    end
    return chunk() or true
end

local function requirer(plugin, env)
    local loaded, making = {}, makers(plugin)
    return function(module)
        if loaded[module] ~= nil then
            return loaded[module]
        end
        local maker = making[module]
        if type(maker) == "string" then
            error(("%s needs '%s' in needs of plugin.lua"):format(module, maker), 2)
        elseif maker then
            plugin.used[module] = NEED_OF[module]
            loaded[module] = read_only(maker(), module)
        elseif KIT[module] then
            loaded[module] = read_only(functions_of(require(KIT[module])), module)
        else
            loaded[module] = own_module(plugin, module, env)
        end
        return loaded[module]
    end
end

--- plugin: {name, granted, settings}. The table of globals for its chunks. plugin.used: the modules
--- that were required, each with the need that it takes.
function environment.of(plugin)
    plugin.used = {}
    local globals = pick(_G, BASE)
    for _, library in ipairs({ "math", "string", "table" }) do
        local own = pick(_G[library], names_of(_G[library]))
        own.randomseed = nil
        globals[library] = read_only(own, library)
    end
    local env = setmetatable({}, {
        __index = function(_, key)
            if globals[key] == nil then
                error(("there is no global '%s' for plugins"):format(tostring(key)), 2)
            end
            return globals[key]
        end,
        __newindex = function(_, key)
            error(("global '%s' written: make it local"):format(tostring(key)), 2)
        end,
        __metatable = false,
    })
    globals._G = env
    globals.require = requirer(plugin, env)
    return env
end

return environment
