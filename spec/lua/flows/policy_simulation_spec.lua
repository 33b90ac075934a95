local json = require("core.json")
local policy = require("core.policy")
local policy_simulation = require("flows.policy_simulation")

local function row(subtotal, fee, items)
    return {
        id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", vendor_id = "v", subtotal_minor = subtotal,
        fee_minor = fee, fee_input = json.encode({
            subtotal = subtotal, currency = "USD", fee_bps = 1000,
            items = json.array(items or { { categories = { "lamps" }, line_total = subtotal } }),
        }),
    }
end

describe("policy_simulation.count", function()
    local hash = policy.version("fee")
    local count

    before_each(function()
        count = policy_simulation.new()
    end)

    it("counts an order that stays as it was", function()
        policy_simulation.count(count, hash, row(1000, 100), 500)
        assert.same({ 1, 0, 0, 100, 100 },
            { count.orders, count.changed, count.moved, count.old_fee, count.new_fee })
    end)

    it("tells a small change from one that moves", function()
        policy_simulation.count(count, hash, row(1000, 90), 500)
        policy_simulation.count(count, hash, row(1000, 49), 500)
        assert.same({ 2, 2, 1 }, { count.orders, count.changed, count.moved })
    end)

    it("lets a fee fall on the categories by their worth, exactly", function()
        policy_simulation.count(count, hash, row(1000, 100, {
            { categories = { "lamps" }, line_total = 333 }, { categories = {}, line_total = 667 },
        }), 500)
        assert.same({ 33, 67 }, { count.categories.lamps.new, count.categories.none.new })
    end)

    it("keeps a few of the failures, and goes on", function()
        for _ = 1, 9 do
            local bad = row(1000, 100)
            bad.fee_input = '{"subtotal":"much"}'
            policy_simulation.count(count, hash, bad, 500)
        end
        assert.same({ 9, 9, 5 }, { count.orders, count.errors, #count.samples })
    end)
end)
