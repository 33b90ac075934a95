local fees = require("flows.fees")
local json = require("core.json")
local policy = require("core.policy")

local refused = {
    { "a fee above the subtotal", { fee = 101 } },
    { "a negative fee", { fee = -1 } },
    { "a fraction", { fee = 1.5 } },
    { "no number", { fee = 0 / 0 } },
    { "a text", { fee = "10" } },
    { "nothing at all", {} },
    { "lines that add up to more than the subtotal",
        { lines = { { name = "a", amount = 60 }, { name = "b", amount = 41 } } } },
    { "a negative line", { lines = { { name = "a", amount = -1 }, { name = "b", amount = 2 } } } },
    { "a line without a name", { lines = { { amount = 1 } } } },
    { "an empty list of lines", { lines = {} } },
    { "a fee that is not the sum of its lines",
        { fee = 3, lines = { { name = "a", amount = 2 } } } },
}

describe("fees.check", function()
    it("makes one line of a plain fee", function()
        assert.same({
            fee = 10, lines = { { name = "commission", amount = 10 } }, reason = "bps:1000",
        }, fees.check({ fee = 10, reason = "bps:1000" }, 100))
    end)

    it("adds up lines", function()
        local checked = fees.check(
            { lines = { { name = "a", amount = 60 }, { name = "b", amount = 40 } } }, 100)
        assert.equal(100, checked.fee)
    end)

    for _, case in ipairs(refused) do
        it("refuses " .. case[1], function()
            local checked, problem = fees.check(case[2], 100)
            assert.is_nil(checked)
            assert.equal("string", type(problem))
        end)
    end

    it("refuses what is no table", function()
        assert.is_nil(fees.check(10, 100))
    end)
end)

describe("fees.by", function()
    local input = { subtotal = 6000, currency = "USD", fee_bps = 1000, items = json.array({}) }
    local hash = policy.version("fee")

    it("keeps what the policy was given, so that the fee can be made again", function()
        local fee = fees.by(hash, input)
        assert.equal(600, fee.fee)
        assert.equal(hash, fee.version)
        assert.equal(600, fees.again(hash, fee.input))
    end)

    it("answers no fee of 0 when the policy cannot be asked", function()
        local fee, why = fees.by(hash, { currency = "USD", subtotal = "much" })
        assert.is_nil(fee)
        assert.matches("fee.lua", why, 1, true)
    end)

    it("refuses a line for a product that is not in the order", function()
        local checked, why = fees.check(
            { lines = { { name = "a", amount = 1, product_id = "x" } } }, 100,
            { { product_id = "y" } })
        assert.is_nil(checked)
        assert.matches("not in the order", why, 1, true)
    end)
end)
