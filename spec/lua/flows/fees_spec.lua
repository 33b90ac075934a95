local fees = require("flows.fees")
local json = require("core.json")

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

describe("fees.of", function()
    local input = { subtotal = 6000, currency = "USD", fee_bps = 1000, items = json.array({}) }

    it("keeps what the policy was given, so that the fee can be made again", function()
        local fee = fees.of(input)
        assert.equal(600, fee.fee)
        assert.equal(fees.version(), fee.version)
        assert.equal(600, fees.again(fee.input))
    end)

    it("fails the request, and answers no fee of 0, when the policy cannot be asked", function()
        local fee, problem = fees.of({ currency = "USD", subtotal = "much" })
        assert.is_nil(fee)
        assert.equal(500, problem.status)
    end)
end)
