--- A fee policy that answers nonsense: checkouts are refused, nothing is written, none is guessed.
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

describe("POST /api/checkout under a fee policy that answers", function()
    local w, shop, folder, good

    setup(function()
        folder = os.getenv("SOUK_HOME") .. "/policy.lua"
        shell.must("cp -r lua " .. shell.quote(folder))
        good = shell.read(folder .. "/policies/fee.lua")
        w = world.start({ set = { ["lua.dir"] = folder } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function reload(text)
        shell.write(folder .. "/policies/fee.lua", text)
        return w:request("POST", "/api/admin/reload", w:admin())
    end

    --- A policy whose example is right and which is wrong for all else.
    local function policy(body)
        return ([[return { kind = "fee", version = 1, note = "spec",
            examples = { { given = { subtotal = 7, currency = "USD" }, expect = { fee = 1 } } },
            evaluate = function(order)
                if order.subtotal == 7 then return { fee = 1 } end
                %s
            end }]]):format(body)
    end

    local function count()
        return w.db:value("select (select count(*) from orders) + (select count(*) from "
            .. "vendor_orders) + (select count(*) from fee_lines)")
    end

    for _, case in ipairs(NONSENSE) do
        it(case[1] .. " is refused and writes nothing (scenario 56)", function()
            local thing, buyer = w:product(shop), w:buyer()
            w:add(buyer, thing)
            local before = count()
            local loaded = reload(policy(case[2]))
            assert.equal(200, loaded.status, loaded.body)
            local answer = w:request("POST", "/api/checkout", buyer,
                { shippingAddress = world.ADDRESS })
            assert.is_true(answer.status >= 500, answer.status .. answer.body)
            assert.equal(before, count())
            assert.same({ 10, 0 }, { w:stock(shop, thing) })
            assert.equal(1, w:expect(200, "GET", "/api/cart", buyer).itemCount)
            assert.equal(200, reload(good).status)
            assert.equal(100, w:checkout(buyer).vendorOrders[1].platformFee.amount)
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
