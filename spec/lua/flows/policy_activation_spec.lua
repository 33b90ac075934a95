local core_policy = require("core.policy")
local policies = require("flows.policies")
local policy_activation = require("flows.policy_activation")

local function text_of(bps)
    return ("return { evaluate = function(o) return { fee = money.bps(o.subtotal, %d) } end,\n"
        .. "examples = { { given = { subtotal = 0 }, expect = { fee = 0 } } } }"):format(bps)
end

describe("policy_activation", function()
    it("has nothing against a version when there are no orders yet", function()
        local row = assert(policies.add("fee", { source = text_of(9000), origin = "API" }))
        assert.is_nil(policy_activation.refusal("fee", row.hash))
        assert.is_true(policy_activation.activate("fee", row, { reason = "first" }))
    end)

    it("does not look at orders for policies that have no stored inputs", function()
        assert.is_nil(policy_activation.refusal("payout", core_policy.version("payout")))
    end)
end)
