local policy = require("core.policy")
local shell = require("spec.support.shell")

local cases = {
    { "takes ten percent by default", { subtotal = 6000 }, 600 },
    { "takes what the setting says", { subtotal = 6000, fee_bps = 750 }, 450 },
    { "rounds down: the remainder is the vendor's", { subtotal = 19, fee_bps = 1000 }, 1 },
    { "never takes more than the sale", { subtotal = 20, fee_bps = 10000 }, 20 },
    { "takes nothing of nothing", { subtotal = 0 }, 0 },
    { "is exact at the largest amount", { subtotal = 1e12, fee_bps = 1000 }, 1e11 },
}

describe("policy fee", function()
    for _, case in ipairs(cases) do
        local name, order, fee = unpack(case)
        it(name, function()
            assert.equal(fee, policy.evaluate("fee", order).fee)
        end)
    end

    it("is named by the hash of its text", function()
        local _, version = policy.evaluate("fee", { subtotal = 1 })
        assert.equal(policy.version("fee"), version)
        assert.truthy(version:match("^%x+$"))
        assert.equal(64, #version)
    end)

    it("can be as README.md shows: tiers, agreements, surcharges, a floor and a cap", function()
        local text = shell.read("lua/policies/README.md"):match("\n```lua\n(.-)```\n")
        assert(policy.check("fee", text))
    end)
end)
