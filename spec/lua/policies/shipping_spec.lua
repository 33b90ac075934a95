local order_terms = require("flows.order_terms")
local policy = require("core.policy")

describe("policy shipping", function()
    it("sends for nothing by default", function()
        local result = policy.evaluate("shipping", { subtotal = 6000, currency = "USD" })
        assert.same({ amount = 0 }, order_terms.check_shipping(result))
    end)
end)
