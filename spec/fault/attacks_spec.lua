--- All that a plugin may try, against the real server: each attempt is stopped or refused within
--- its budget, told of with file and line, answered without internals, and the same workers serve
--- on.
local plugin_folder = require("spec.support.plugin_folder")
local world = require("spec.support.world")

--- {name of the file, body of its function, what the log says}. Each runs as a route and in the
--- hook checkout.check; both fail.
local STOPPED = {
    { "loop", "local x = 0 while true do x = x + 1 end", "the CPU budget" },
    { "compiled", "local x = 0 for i = 1, 1e15 do x = (x * 31 + i) % 65521 end return x",
        "the CPU budget" },
    { "swallow", "while true do pcall(function() while true do end end) end", "the CPU budget" },
    { "sort_loop", "local t = {} for i = 1, 9 do t[i] = i end\n"
        .. "table.sort(t, function() while true do end end)", "the CPU budget" },
    { "gsub_loop", "return (('x'):gsub('x', function() while true do end end))",
        "the CPU budget" },
    { "index_loop", "local t = setmetatable({}, { __index = function() while true do end end })\n"
        .. "return t.x", "the CPU budget" },
    { "memory", "local s = ('x'):rep(1000000)\nwhile true do s = s .. s end",
        "not enough memory" },
    { "tables", "local t = {} for i = 1, 1e9 do t[i] = { i } end", "attack/tables.lua:2" },
    { "rep", "return ('x'):rep(2e9)", "not enough memory" },
    { "recursion", "local function f() return 1 + f() end\nreturn f()", "stack overflow" },
    { "unpack", "return #{ unpack({}, 1, 1e8) }", "too many results" },
    { "string_index", "('').shout = function() end", "attempt to index" },
    { "string_rep", "string.rep = nil", "string.rep cannot be set" },
    { "string_meta", "setmetatable('', {})", "bad argument #1 to 'setmetatable'" },
    { "library_meta", "setmetatable(string, {})", "protected metatable" },
    { "globals_meta", "setmetatable(_G, {})", "protected metatable" },
    { "getmetatable", "return getmetatable('')", "no global 'getmetatable'" },
    { "rawset", "rawset(string, 'rep', nil)", "no global 'rawset'" },
    { "loadstring", "return loadstring('return 1')()", "no global 'loadstring'" },
    { "load", "return load('\\27LJ')", "no global 'load'" },
    { "dump", "return string.dump(function() end)", "a nil value" },
    { "setfenv", "setfenv(1, {})", "no global 'setfenv'" },
    { "coroutine", "return coroutine.create", "no global 'coroutine'" },
    { "global", "oops = 1", "global 'oops' written" },
    { "global_read", "return oops", "no global 'oops'" },
    { "sort_wait", "local db = require('souk.db')\n"
        .. "table.sort({ 3, 2, 1 }, function(a, b) db.one('thing/count') return a < b end)",
        "this function waits: not inside table.sort" },
    { "gsub_wait", "local db = require('souk.db')\n"
        .. "return (('x'):gsub('x', function() return db.one('thing/count').n end))",
        "this function waits: not inside table.sort" },
    { "wait_for_ever", "local db = require('souk.db')\nwhile true do db.one('thing/count') end",
        "the time of this call is used up" },
    { "kit_set", "require('souk.schema').string = nil", "souk.schema.string cannot be set" },
    { "kit_inner", "require('souk.schema').definitions.User = nil", "attempt to index" },
    { "text_inner", "require('souk.text').formats.email.clean = tostring", "attempt to index" },
    { "err_inner", "require('souk.err').meta.__tostring = error", "attempt to index" },
    { "random", "math.randomseed(1)", "a nil value" },
    { "core", "return require('core.db')", "module 'core.db' is not for plugins" },
    { "io", "return require('io')", "module 'io' is not for plugins" },
    { "ffi", "return require('ffi')", "module 'ffi' is not for plugins" },
    { "debug", "return require('debug')", "module 'debug' is not for plugins" },
    { "package", "return require('package').loaded", "module 'package' is not for plugins" },
    { "flows", "return require('flows.checkout')", "module 'flows.checkout' is not for plugins" },
    { "neighbour", "return require('victim.plugin')", "is not for plugins" },
    { "climb", "return require('attack...victim.plugin')", "is not for plugins" },
    { "bytecode", "return require('attack.binary')", "is bytecode; only text is loaded" },
    { "ungranted", "return require('souk.fetch')", "souk.fetch needs 'fetch'" },
    { "other_statement", "return assert(require('souk.db').one('user/list'))", "user/list" },
    { "other_table", "return assert(require('souk.db').one('thing/theirs'))",
        "permission denied for schema plugin_victim" },
    { "our_table", "return assert(require('souk.db').one('thing/ours'))",
        "permission denied for table users" },
    { "speaking_error",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "the error is a table, not a text" },
    { "failing_error", "error(setmetatable({}, { __tostring = error, __index = error }))",
        "the error is a table, not a text" },
}

--- What an attempt that does not fail must not have changed either.
local HARMLESS = {
    { "user", "req.user.role = 'ADMIN' return {}" },
    { "request", "if req.__index then req.__index.header = nil end\n"
        .. "req.header = nil req.user = nil return {}" },
    { "settings", "local x = require('souk.settings')\n"
        .. "return { ok = not pcall(function() x.a = 1 end) }" },
    { "insert", "local s = require('souk.schema')\ntable.insert(s, 1) table.insert(string, 1)\n"
        .. "return {}" },
    { "token", "return { ok = req:header('Authorization') == nil and req.creq == nil }" },
    { "answer", "local kept = req.kept or {} return kept" },
    { "ours", "local s = require('souk.schema')\ns.define('Thing', s.string()) return {}" },
}

local COUNT = "select count(*) as n from %s;\n"

local function module(body)
    return "return function(req)\n" .. body .. "\nend\n"
end

local MANIFEST = [[
local s = require("souk.schema")
local attacks = {}
for name in ("%s"):gmatch("%%S+") do
    attacks[name] = require("attack." .. name)
end
return {
    name = "attack", version = "1.0.0", api = 1,
    needs = { "db", "hook:checkout.check", "hook:checkout.price" },
    hooks = {
        ["checkout.price"] = function() return {} end,
        ["checkout.check"] = { optional = true, run = function(order)
            local run = attacks[order.code]
            return run and run(order) or {}
        end },
    },
    routes = { {
        id = "attack.go", method = "GET", path = "/api/plugins/attack/{what}", roles = "ANY",
        summary = "Attack", params = { what = s.string() }, answers = { [200] = true },
        handler = function(req) return attacks[req.params.what](req) end,
    } },
}
]]

local function names_of(...)
    local names = {}
    for _, list in ipairs({ ... }) do
        for _, case in ipairs(list) do
            names[#names + 1] = case[1]
        end
    end
    return table.concat(names, " ")
end

local function attack_files()
    local files = {
        ["plugin.lua"] = MANIFEST:format(names_of(STOPPED, HARMLESS)),
        ["binary.lua"] = string.dump(function() return 1 end),
        ["sql/migrations/0001_create_things.sql"] = "create table things (id integer);\n",
        ["sql/queries/thing/count.sql"] = COUNT:format("plugin_attack.things"),
        ["sql/queries/thing/theirs.sql"] = COUNT:format("plugin_victim.things"),
        ["sql/queries/thing/ours.sql"] = COUNT:format("public.users"),
    }
    for _, list in ipairs({ STOPPED, HARMLESS }) do
        for _, case in ipairs(list) do
            files[case[1] .. ".lua"] = module(case[2])
        end
    end
    return files
end

local VICTIM = {
    ["plugin.lua"] = [[
local s = require("souk.schema")
local thing = s.define("Thing", s.object({ ok = s.boolean() }))
return {
    name = "victim", version = "1.0.0", api = 1, needs = { "db" },
    routes = { {
        id = "victim.go", method = "GET", path = "/api/plugins/victim/go", roles = "ANY",
        summary = "Serve", answers = { [200] = thing },
        handler = function(req)
            local text = ("x"):rep(3) .. string.rep("y", 2)
            return { ok = text == "xxxyy" and req.user.role == "BUYER" }
        end,
    } },
}
]],
    ["sql/migrations/0001_create_things.sql"] = "create table things (id integer);\n",
}

describe("A plugin that attacks", function()
    local w, shop, buyer

    setup(function()
        local folder = plugin_folder.write({ attack = attack_files(), victim = VICTIM })
        w = world.start({
            plugins = { "attack", "victim" },
            set = {
                ["plugins.dir"] = folder, ["lua.resume_budget_ms"] = 200,
                ["lua.stuck_kill_ms"] = 1500, ["http.request_timeout_ms"] = 3000,
                ["lua.memory_max_bytes"] = 100663296,
            },
        })
        -- Failures count since then: so many attempts of one plugin do not switch it off.
        w.db:query("update plugins set updated_at = now() + interval '1 hour'")
        shop, buyer = w:vendor(), w:buyer()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function go(what)
        return w:request("GET", "/api/plugins/attack/" .. what, buyer)
    end

    --- The status of a checkout under a hook that attacks.
    local function checkout(what)
        local one = w:buyer()
        w:add(one, w:product(shop))
        return w:request("POST", "/api/checkout", one,
            { shippingAddress = world.ADDRESS, couponCode = what })
    end

    --- What the log says from here on.
    local function log_since()
        local from = #w.server:log()
        return function()
            return w.server:log():sub(from + 1)
        end
    end

    local function assert_unharmed(before)
        assert.same(before, w.server:workers())
        for _ = 1, 4 do
            assert.same({ ok = true }, w:expect(200, "GET", "/api/plugins/victim/go", buyer))
            assert.equal(403, w:request("GET", "/api/admin/plugins", buyer).status)
        end
    end

    for _, case in ipairs(STOPPED) do
        it(("is stopped or refused: %s"):format(case[1]), function()
            local before, log = w.server:workers(), log_since()
            local answer = go(case[1])
            assert.is_true(answer.status == 500 or answer.status == 503, answer.status)
            for _, inside in ipairs({ "lua", "plugin", "budget", "traceback" }) do
                assert.is_nil(answer.json.message:find(inside, 1, true), answer.body)
            end
            assert.matches(case[3], log(), 1, true)
            assert.matches("plugins/attack/[%w_]+%.lua:%d+: ", log())
            assert.equal(201, checkout(case[1]).status)
            assert.matches('"where":"hook checkout.check"', log(), 1, true)
            assert_unharmed(before)
        end)
    end

    for _, case in ipairs(HARMLESS) do
        it(("changes nothing for others: %s"):format(case[1]), function()
            local before = w.server:workers()
            for _ = 1, 4 do
                local answer = go(case[1])
                assert.is_true(not answer.json or answer.json.ok ~= false, answer.body)
                assert.equal(201, checkout(case[1]).status)
            end
            assert_unharmed(before)
        end)
    end
end)
