local order_terms = require("flows.order_terms")
local policy = require("core.policy")

local function verdict(order)
    return order_terms.check_limits(policy.evaluate("limits", order))
end

describe("policy limits", function()
    it("takes what can be paid at once", function()
        assert.is_true(verdict({ total = 99999999, lines = 500 }).allowed)
    end)

    it("refuses more than one payment can be, in words for the buyer", function()
        local said = verdict({ total = 100000000, lines = 1 })
        assert.is_false(said.allowed)
        assert.matches("worth more", said.message, 1, true)
    end)
end)
