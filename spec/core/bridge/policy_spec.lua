local policy = require("core.policy")

local EXAMPLES = "examples = { { given = { n = 1 }, expect = { fee = 1 } } }"

local function refusal_of(body)
    local version, why = policy.check("trial", body)
    assert.is_nil(version)
    return why
end

local function evaluate(statements)
    return ("return { evaluate = function(o) %s return { fee = 1 } end, %s }")
        :format(statements, EXAMPLES)
end

describe("A policy", function()
    it("is taken when its examples hold, under the hash of its text", function()
        local source = evaluate("")
        assert.equal(require("core.crypto").sha256(source), (policy.check("trial", source)))
    end)

    local cases = {
        { "an endless loop", "while true do end", "instructions" },
        { "a pcall loop", "for i = 1, 1e9 do local x = i end", "instructions" },
        { "a global write", "b = 1", "writes global 'b'" },
        { "a read of an unknown global", "local x = os", "unknown global 'os'" },
        { "more memory than it may have", "local s = 'xxxxxxxx' while true do s = s .. s end",
            "memory", has_no_place = true },
        { "deep recursion", "local function f() return 1 + f() end f()",
            "overflow", has_no_place = true },
        { "a require", "require('ffi')", "unknown global 'require'" },
        { "string.rep", "string.rep('x', 1e9)", "rep" },
        { "a method of a string", "local x = ('x'):rep(10)", "index" },
    }
    for _, case in ipairs(cases) do
        it("is refused for " .. case[1] .. ", with file and line", function()
            local why = refusal_of(evaluate(case[2]))
            assert.matches(case[3], why, 1, true)
            if not case.has_no_place then
                assert.matches("lua/policies/trial.lua:1", why, 1, true)
            end
        end)
    end

    it("is refused when an example is wrong, and says which", function()
        local why = refusal_of(
            "return { evaluate = function() return { fee = 2 } end, " .. EXAMPLES .. " }"
        )
        assert.matches("example 1: fee is 2, but 1 was expected", why, 1, true)
    end)

    it("is refused without examples, without evaluate, as bytecode", function()
        assert.matches("no examples", refusal_of("return { evaluate = function() end }"), 1, true)
        assert.matches("evaluate", refusal_of("return {}"), 1, true)
        assert.matches("wrong mode", refusal_of(string.dump(loadstring("return 1"))), 1, true)
    end)

    it("cannot change what it is given for anybody else", function()
        local input = { subtotal = 6000, currency = "USD", fee_bps = 1000, items = {}, vendor = {} }
        policy.evaluate("fee", input)
        assert.equal(6000, input.subtotal)
    end)

    describe("with tables in its input, copied when they are asked for", function()
        --- What these statements make of an order, as a text.
        local function seen(statements)
            local version = assert(policy.load("fee", ([[
                local kept
                return { evaluate = function(o)
                    if o.n then return { fee = 1 } end
                    local out
                    %s
                    return { fee = 0, reason = out }
                end, %s }]]):format(statements, EXAMPLES)))
            local order = {
                total = 7, vendor = { id = "v", tiers = { "a", "b" } },
                items = { { price = 1 }, { price = 2 } }, buyer = { country = "PT" },
            }
            local before, last = require("core.json").encode(order), nil
            for _ = 1, 2 do
                local result, why = policy.evaluate("fee", order, version)
                last = assert(result, why)
                assert.equal(before, require("core.json").encode(order))
            end
            return last.reason
        end

        local ways = {
            { "finds all that is in them", "7 b 2 2 PT",
                [[out = table.concat({ o.total, o.vendor.tiers[2], #o.items, o.items[2].price,
                    o.buyer.country }, " ")]] },
            { "gets the same one each time", "true",
                "o.vendor.seen = 1 out = tostring(o.vendor == o.vendor and o.vendor.seen == 1)" },
            { "can take one away", "nil nil",
                [[o.vendor = nil local a = o.vendor; local b = o.items and nil o.items = nil
                    out = tostring(a) .. " " .. tostring(b or o.items)]] },
            { "can put another in its place", "x",
                "o.vendor = { id = 'x' } out = o.vendor.id" },
            { "sees them all by pairs", "again buyer items total vendor",
                [[o.again = o.again or {} local names = {}
                    for name, value in pairs(o) do
                        if name ~= "total" then assert(type(value) == "table") end
                        table.insert(names, name)
                    end
                    table.sort(names) out = table.concat(names, " ")]] },
            { "goes through a list by ipairs", "3",
                [[local sum = 0 for _, item in ipairs(o.items) do sum = sum + item.price end
                    out = tostring(sum)]] },
            { "finds nothing where nothing is", "nil nil",
                [[out = tostring(o.other) .. " " .. tostring(o[1])]] },
            { "keeps nothing that it has not read", "nil",
                "out = tostring((kept or {}).vendor) kept = o" },
        }
        for _, case in ipairs(ways) do
            it(case[1], function()
                assert.equal(case[2], (seen(case[3])))
            end)
        end

        it("gives back what it was given, whole", function()
            local version = assert(policy.load("fee",
                "return { evaluate = function(o) o.fee = 1 return o end, " .. EXAMPLES .. " }"))
            assert.same({ fee = 1, items = { { a = 1 } }, vendor = {} },
                (policy.evaluate("fee", { items = { { a = 1 } }, vendor = {} }, version)))
            version = assert(policy.load("fee",
                "return { evaluate = function(o) return { fee = 1, was = { o } } end, "
                .. EXAMPLES .. " }"))
            assert.same({ fee = 1, was = { { items = { { a = 1 } } } } },
                (policy.evaluate("fee", { items = { { a = 1 } } }, version)))
        end)

        for body, is_constant in pairs({
            ["return { fee = 0 }"] = true,
            ["local sum = 0 for i = 1, 3 do sum = sum + i end return { fee = sum }"] = true,
            ["return { fee = o.n or 0 }"] = false,
            ["return { fee = o.not_there or 0 }"] = false,
            ["local fee = 0 for _ in pairs(o) do fee = fee + 1 end return { fee = fee }"] = false,
            ["o.fee = 0 return o"] = false,
            ["return { fee = 0, was = { o } }"] = false,
            ["return { fee = #o.items }"] = false,
        }) do
            it("tells whether another input might be answered otherwise: " .. body, function()
                local version = assert(policy.load("fee",
                    ("return { evaluate = function(o) %s end, %s }"):format(body,
                    "examples = { { given = { items = {} }, expect = {} } }")))
                assert.equal(is_constant,
                    select(3, policy.evaluate("fee", { items = { 1 } }, version)))
            end)
        end

        it("takes more of them than it remembers", function()
            local order = {}
            for i = 1, 30 do
                order["t" .. i] = { i }
            end
            local version = assert(policy.load("fee", [[return { evaluate = function(o)
                local sum = 0
                for i = 1, 30 do sum = sum + (o["t" .. i] or { 0 })[1] end
                return { fee = o.n or sum } end, ]] .. EXAMPLES .. " }"))
            assert.equal(465, policy.evaluate("fee", order, version).fee)
        end)
    end)

    describe("money.tiers", function()
        local function of(amount, tiers)
            local version, why = policy.check("trial", ([[
                return { evaluate = function() return { fee = money.tiers(%s, %s) } end,
                    examples = { { given = {}, expect = { fee = -1 } } } }]]):format(amount, tiers))
            assert.is_nil(version)
            return tonumber(why:match("fee is (%d+), but")), why
        end
        local TIERS = "{ { upto = 10000, bps = 1500 }, { upto = 50000, bps = 1000 }, "
            .. "{ bps = 500 } }"

        it("takes each part of an amount by its tier, and rounds down once", function()
            for amount, fee in pairs({
                [0] = 0, [6] = 0, [7] = 1, [10000] = 1500, [10001] = 1500, [10010] = 1501,
                [50000] = 5500, [100000] = 8000, [1000000000000] = 50000003000,
            }) do
                assert.equal(fee, (of(("%.0f"):format(amount), TIERS)), amount)
            end
        end)

        it("refuses tiers that are none, with the line", function()
            for tiers, problem in pairs({
                ["{}"] = "the last tier", ["{ { upto = 5, bps = 1 } }"] = "the last tier",
                ["{ { bps = 10001 } }"] = "bps must be", ["{ { bps = 0.5 } }"] = "bps must be",
                ["{ { upto = 5 }, { bps = 1 } }"] = "bps must be",
                ["{ { bps = 1 }, { bps = 1 } }"] = "upto must be",
                ["{ { upto = 9, bps = 1 }, { upto = 9, bps = 1 }, { bps = 1 } }"] = "must grow",
            }) do
                local _, why = of(10, tiers)
                assert.matches(problem, why, 1, true)
                assert.matches("lua/policies/trial.lua:1: ", why, 1, true)
            end
        end)
    end)

    describe("kept as a version", function()
        local source = "return { evaluate = function(o)\n local fee = o.n * 2\n"
            .. " return { fee = fee }\nend,"
            .. " examples = { { given = { n = 1 }, expect = { fee = 2 } } } }"

        it("is evaluated by its hash, beside the text on disk", function()
            local version = assert(policy.load("fee", source))
            assert.is_true(policy.is_loaded("fee", version))
            local result, by = policy.evaluate("fee", { n = 21 }, version)
            assert.equal(42, result.fee)
            assert.equal(version, by)
            assert.are_not.equal(version, policy.version("fee"))
        end)

        it("is explained by the lines that ran and what they saw", function()
            local version = assert(policy.load("fee", source))
            local result, steps = policy.explain("fee", { n = 21 }, version)
            assert.equal(42, result.fee)
            steps = require("core.json").decode(steps)
            assert.equal(2, steps[1].line)
            assert.equal(3, steps[2].line)
            assert.equal(42, steps[2].values.fee)
        end)

        it("gives way to newer ones, and can be loaded again", function()
            local first = assert(policy.load("fee", source))
            for i = 1, 40 do
                assert(policy.load("fee", source .. " -- " .. i))
            end
            assert.is_false(policy.is_loaded("fee", first))
            assert.equal(first, policy.load("fee", source))
        end)

        it("is refused with its reason", function()
            local version, why = policy.load("fee", "return {}")
            assert.is_nil(version)
            assert.matches("evaluate", why, 1, true)
        end)
    end)
end)
