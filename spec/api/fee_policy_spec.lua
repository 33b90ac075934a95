--- A fee policy that answers nonsense: somebody is told, and the last good one prices the order.
--- Where there is no good one, checkouts are refused and nothing is written; no fee is guessed.
local crypto = require("core.crypto")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local NONSENSE = {
    { "nothing", "return nil" },
    { "an empty table", "return {}" },
    { "a negative fee", "return { fee = -1 }" },
    { "a fraction", "return { fee = 0.5 }" },
    { "no number", "return { fee = 0 / 0 }" },
    { "infinity", "return { fee = 1 / 0 }" },
    { "more than the subtotal", "return { fee = order.subtotal + 1 }" },
    { "an error", "error('no')" },
    { "no end", "while true do end" },
}

--- A policy whose example is right and which is wrong for all else.
local function policy(body)
    return ([[return { kind = "fee", version = 1, note = "spec",
        examples = { { given = { subtotal = 7, currency = "USD" }, expect = { fee = 1 } } },
        evaluate = function(order)
            if order.subtotal == 7 then return { fee = 1 } end
            %s
        end }]]):format(body)
end

describe("POST /api/checkout under a fee policy that answers", function()
    local w, shop, folder, good

    setup(function()
        folder = os.getenv("SOUK_HOME") .. "/policy.lua"
        shell.must("cp -r lua " .. shell.quote(folder))
        good = shell.read(folder .. "/policies/fee.lua")
        w = world.start({ set = { ["lua.dir"] = folder } })
        shop = w:vendor()
        local buyer = w:buyer()
        w:add(buyer, w:product(shop))
        w:checkout(buyer)
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function reload(text)
        shell.write(folder .. "/policies/fee.lua", text)
        return w:request("POST", "/api/admin/reload", w:admin())
    end

    for _, case in ipairs(NONSENSE) do
        it(case[1] .. " is priced by the last good one, and told of (scenario 56)", function()
            local buyer = w:buyer()
            w:add(buyer, w:product(shop))
            local loaded = reload(policy(case[2]))
            assert.equal(200, loaded.status, loaded.body)
            local part = w:checkout(buyer).vendorOrders[1]
            assert.equal(100, part.platformFee.amount)
            assert.equal(crypto.sha256(good), part.feePolicyVersion)
            assert.matches('"policy.fallback"', w.server:log(), 1, true)
            assert.equal(200, reload(good).status)
        end)
    end

    it("other than its own examples is not loaded: the last good one serves (scenario 56)",
        function()
            local buyer = w:buyer()
            w:add(buyer, w:product(shop))
            local wrong, replaced = good:gsub("fee = 600", "fee = 601")
            assert.equal(1, replaced)
            local answer = reload(wrong)
            assert.same({ 409, "reload_refused" }, { answer.status, answer.json.code })
            assert.equal(100, w:checkout(buyer).vendorOrders[1].platformFee.amount)
            assert.equal(200, reload(good).status)
        end)
end)

describe("A marketplace that never had a good fee policy", function()
    local w

    teardown(function()
        w:stop()
    end)

    it("refuses checkouts and writes nothing (scenario 56)", function()
        local folder = os.getenv("SOUK_HOME") .. "/bad_policy.lua"
        shell.must("cp -r lua " .. shell.quote(folder))
        shell.write(folder .. "/policies/fee.lua", policy("return { fee = -1 }"))
        w = world.start({ set = { ["lua.dir"] = folder } })
        local shop, buyer = w:vendor(), w:buyer()
        local thing = w:product(shop)
        w:add(buyer, thing)
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
        assert.equal(500, answer.status, answer.body)
        assert.equal(0, w.db:value("select (select count(*) from orders) + "
            .. "(select count(*) from vendor_orders) + (select count(*) from fee_lines)"))
        assert.same({ 10, 0 }, { w:stock(shop, thing) })
        assert.equal(1, w:expect(200, "GET", "/api/cart", buyer).itemCount)
    end)
end)
