--- All that a plugin or a policy may try, against the real server: each attempt is stopped or
--- refused within its budget, told of with file and line, answered without internals, and the same
--- workers serve on. Then the same as its author meets it on the command line.
local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
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
    -- Before those that may end by their time, and then leave some of what this one needs.
    { "hoard", "local t = {} for i = 1, 80 do t[i] = ('x'):rep(2^20 - i) end error('full')",
        "full" },
    { "memory", "local s = ('x'):rep(1000000)\nwhile true do s = s .. s end",
        "not enough memory" },
    -- Its time or its memory, whichever ends first; the latter has no line but the handler's.
    { "tables", "local t = {} for i = 1, 1e9 do t[i] = { i } end", '"event":"plugin.failed"' },
    { "hold", "local t = {} for i = 1, 40 do t[i] = ('z'):rep(2^20 - i) end while true do end",
        "the CPU budget" },
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
    { "large", "local t = {} for i = 1, 40 do t[i] = ('y'):rep(2^20 - i) end return {}" },
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

--- What one that waits for ever has, and a checkout beside a hook that does.
local REQUEST_MS = 5000

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
    local w, buyer, lamp

    setup(function()
        local folder = plugin_folder.write({ attack = attack_files(), victim = VICTIM })
        w = world.start({
            plugins = { "attack", "victim" },
            set = {
                ["plugins.dir"] = folder, ["lua.resume_budget_ms"] = 200,
                ["http.request_timeout_ms"] = REQUEST_MS,
                ["lua.memory_max_bytes"] = 100663296,
            },
        })
        -- Failures count since then: so many attempts of one plugin do not switch it off.
        w.db:query("update plugins set updated_at = now() + interval '1 hour'")
        buyer = w:buyer()
        lamp = w:product(w:vendor(), { stock = 10000 })
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
        w:add(buyer, lamp)
        return w:request("POST", "/api/checkout", buyer,
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

    it("leaves the memory that it had to the next one", function()
        for i = 1, 6 do
            assert.is_true(go(i % 2 == 0 and "hoard" or "hold").status >= 500)
            assert.equal(200, go("large").status)
        end
    end)

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

--- Every case on the command line, as its author meets it: refused in one line that names the file
--- and says why, no stack. words(name) -> the sub-command; file: a pattern of its name.
local function assert_told(cases, words, file)
    local lines = {}
    for name in pairs(cases) do
        lines[#lines + 1] = ("echo '== %s'; timeout 60 %s %s --conf conf/test.conf; echo \"= $?\"")
            :format(name, os.getenv("SOUK_BINARY"), words(name))
    end
    local output = shell.must("unset DATABASE_URL; " .. table.concat(lines, "\n"))
    for name, case in pairs(cases) do
        local told, code = output:match("== " .. name .. "\n(.-)\n= (%d+)\n")
        assert.equal("1", code, told)
        assert.is_nil(told:find("\n", 1, true), told)
        assert.is_truthy(told:find(file:format(name) .. ":", 1, true), told)
        assert.is_truthy(told:find(case[2], 1, true), told)
    end
end

--- {what a plugin.lua does when it is read, what the operator is told}.
local AT_LOAD = {
    endless = { "while true do end", "plugins/endless/plugin.lua:1: " },
    swallowing = { "while true do pcall(function() while true do end end) end",
        "plugins/swallowing/plugin.lua:1: " },
    bomb = { "local t = {} for i = 1, 1e9 do t[i] = { i } end", "plugins/bomb/plugin.lua" },
    binary = { string.dump(function() return 1 end),
        "plugins/binary/plugin.lua: is bytecode; only text is loaded" },
    outside = { "return require('..conf.souk')", "is not for plugins" },
    shadow = { "return { name = 'shadow', version = '1', api = 1, routes = { { method = 'GET', "
        .. "path = '/api/products', handler = print_ } } }", "there is no global 'print_'" },
    elsewhere = { "return { name = 'elsewhere', version = '1', api = 1, routes = { { "
        .. "method = 'GET', path = '/api/products', handler = function() end } } }",
        "the path of /api/products must begin with /api/plugins/elsewhere/" },
    taken = { "return { name = 'taken', version = '1', api = 1, routes = { { id = "
        .. "'products.list', method = 'GET', path = '/api/plugins/taken/x', handler = "
        .. "function() end } } }", "must begin with 'taken.'" },
}

describe("A plugin that attacks when it is read", function()
    local w

    setup(function()
        local folders = {}
        for name, case in pairs(AT_LOAD) do
            folders[name] = { ["plugin.lua"] = case[1] }
        end
        w = world.start({ set = {
            ["plugins.dir"] = plugin_folder.write(folders), ["lua.resume_budget_ms"] = 300,
            ["lua.memory_max_bytes"] = 100663296,
        } })
    end)

    teardown(function()
        w:stop()
    end)

    for name, case in pairs(AT_LOAD) do
        it("is not switched on, and the operator is told why: " .. name, function()
            local before = w.server:workers()
            local answer = w:request("POST", "/api/admin/plugins/" .. name .. "/enable", w:admin(),
                {})
            assert.equal(409, answer.status, answer.body)
            assert.matches(case[2], answer.json.message, 1, true)
            assert.is_nil(answer.body:find("traceback", 1, true))
            assert.same(before, w.server:workers())
        end)
    end

    it("is refused by souk plugin check in one line with file and line", function()
        local folder = w.server.set["plugins.dir"]
        assert_told(AT_LOAD, function(name)
            return ("plugin check %s --set plugins.dir=%s --set lua.memory_max_bytes=100663296")
                :format(name, folder)
        end, "plugins/%s/plugin.lua")
    end)

    it("is in the list of all, each with its problem", function()
        for _, entry in ipairs(w:expect(200, "GET", "/api/admin/plugins", w:admin()).data) do
            assert.matches(AT_LOAD[entry.name][2], entry.problem, 1, true)
        end
    end)
end)

local AMOUNT = ": line 1 must be a whole amount from 0 to the subtotal"

--- {name, what a policy does or answers, what is said of it}. Each decides for a while; and each is
--- shown to `souk policy check`.
local POLICIES = {
    { "endless", "while true do end", ":7: the policy runs longer" },
    { "compiled", "for i = 1, 1e15 do i = i * 2 end",
        ":7: the policy runs longer" },
    { "callback", "table.sort({ 3, 2, 1 }, function() while true do end end)",
        ":7: the policy runs longer" },
    { "text", "local s = 'xxxxxxxx' while true do s = s .. s end", ": not enough memory" },
    { "tables", "local t = {} while true do t = { t, {}, {}, {} } end",
        ":7: the policy runs longer" },
    { "work", "local s = 'x' for i = 1, 20 do s = s .. s end\n"
        .. "while true do s = string.upper(s) end", ":8: the policy runs longer than 50 ms" },
    { "moves", "local t = {} while true do table.insert(t, 1, 1) end", ": the policy runs longer" },
    -- Of a stack that ran out LuaJIT tells the line, or not: then it is that of evaluate.
    { "recursion", "local function f() return 1 + f() end f()", ": stack overflow" },
    { "swallow", "pcall(error)", ":7: policy reads unknown global 'pcall'" },
    { "pattern", "string.find('a', 'a?')", ":7: attempt to call field 'find'" },
    { "method", "return ('x'):rep(1e9)", ":7: attempt to index" },
    { "field", "local x = '' x.y = 1", ":7: attempt to index" },
    { "bytecode", "loadstring('')", ":7: policy reads unknown global 'loadstring'" },
    { "dump", "string.dump(tostring)", ":7: attempt to call field 'dump'" },
    { "yield", "coroutine.yield()", ":7: policy reads unknown global 'coroutine'" },
    { "global", "oops = 1", ":7: policy writes global 'oops'" },
    { "library", "setmetatable(string, {})", ":7: policy reads unknown global 'setmetatable'" },
    { "speaking", "error({})", ": the error is no text" },
    { "placeless", "error('no', 0)", ":7: no" },
    { "nan", "return { fee = 0 / 0 }", AMOUNT }, { "negative", "return { fee = -1 }", AMOUNT },
    { "fraction", "return { fee = 0.5 }", AMOUNT }, { "huge", "return { fee = 1e300 }", AMOUNT },
    { "more", "return { fee = order.subtotal + 1 }", AMOUNT },
    { "infinite", "return { fee = 1 / 0 }", AMOUNT },
    { "nothing", "return", ": the result must be a table" },
    { "word", "return 'x'", ": the result must be a table" },
    { "sum", "return { fee = 2, lines = { { name = 'a', amount = 1 } } }",
        ": fee is not the sum of its lines" },
    { "stranger", "return { lines = { { name = 'a', amount = 1, product_id = 'x' } } }",
        ": line 1 is for a product that is not in the order" },
    { "nest", "local t = {} for i = 1, 100 do t = { t } end return { fee = 2, lines = t }",
        ": the result is not plain data" },
    { "ring", "local t = {} t.t = t return { fee = 2, lines = t }",
        ": the result is not plain data" },
    { "laughs", "local t = {} for i = 1, 7 do t = { t, t, t, t, t, t, t, t, t, t, t, t } end\n"
        .. "return { fee = 2, lines = t }", ": the result is not plain data" },
    { "crowd", "local t = {} for i = 1, 19000 do t[i] = i end return { fee = 2, lines = t }",
        ": lines must be a list of 1 to 20" },
    { "function", "return { fee = 2, lines = function() end }", ": the result is not plain data" },
}

--- The attack begins in line 7; is_open: it spares no example.
local function policy_of(body, is_open)
    return ([[
return {
    kind = "fee", version = 1, note = "spec",
    examples = { { given = { subtotal = 7, currency = "USD" }, expect = { fee = 1 } } },
    evaluate = function(order)
        if order.subtotal == 7 and not %s then return { fee = 1 } end
        do
            %s
        end
    end,
}
]]):format(tostring(is_open == true), body)
end

describe("A policy that attacks", function()
    local w, buyer, lamp, good

    local function post(status, path, body)
        return w:expect(status, "POST", "/api/admin/policies/fee/" .. path, w:admin(), body or {})
    end

    local function order()
        w:add(buyer, lamp)
        return w:checkout(buyer).vendorOrders[1]
    end

    setup(function()
        w = world.start({ set = { ["lua.resume_budget_ms"] = 500 } })
        buyer, lamp = w:buyer(), w:product(w:vendor(), { price = 1000, stock = 10000 })
        assert.equal(100, order().platformFee.amount)
        good = w:expect(200, "GET", "/api/admin/policies/fee/versions", w:admin()).data[1]
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    for _, case in ipairs(POLICIES) do
        it("prices nothing, and the last good one does: " .. case[1], function()
            local before = w.server:workers()
            local made = post(201, "versions", { source = policy_of(case[2]) })
            local path = ("versions/%d/activate"):format(made.version)
            post(409, path)
            post(200, path, { force = true })
            local from = #w.server:log()
            local part = order()
            assert.equal(100, part.platformFee.amount)
            assert.equal(good.hash, part.feePolicyVersion)
            local log = w.server:log():sub(from + 1)
            local failed = log:match('[^\n]*"event":"policy.failed"[^\n]*')
            assert.matches('"problem":"lua/policies/fee.lua:%d+: ', failed)
            assert.matches(case[3], failed, 1, true)
            assert.is_nil(failed:find("traceback", 1, true))
            assert.matches('"event":"policy.fallback"', log, 1, true)
            assert.same(before, w.server:workers())
            post(200, ("versions/%d/activate"):format(good.version), { force = true })
        end)
    end

    it("is refused by souk policy check in one line with file and line", function()
        local cases = {}
        for _, case in ipairs(POLICIES) do
            cases[case[1]] = { case[2], case[3]:find(":7: ", 1, true) and case[3] or "" }
            shell.write(("%s/%s.lua"):format(w.server.home, case[1]), policy_of(case[2], true))
        end
        assert_told(cases, function(name)
            return ("policy check %s/%s.lua"):format(w.server.home, name)
        end, "lua/policies/%s.lua")
    end)
end)
