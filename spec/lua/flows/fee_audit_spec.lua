local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.fee_audit", function()
    local w

    setup(function()
        w = world.start()
    end)

    teardown(function()
        w:stop()
    end)

    local function fees()
        local report = w:expect(200, "GET", "/api/admin/invariants", w:admin())
        for _, row in ipairs(report.data) do
            if row.name == "fees_are_reproduced" then
                return row, report
            end
        end
    end

    it("makes every stored fee again, to the cent", function()
        story.paid_by_two(w)
        assert.is_true(fees().ok)
    end)

    it("names a fee that its policy would not have made", function()
        local made = story.ordered(w)
        w.db:query("update vendor_orders set fee_input = jsonb_set(fee_input, '{subtotal}', '9') "
            .. "where order_id = '" .. made.order.id .. "'")
        local row, report = fees()
        assert.same({ false, 1, made.order.vendorOrders[1].id },
            { row.ok, row.violations, row.sample[1].vendorOrderId })
        assert.is_false(report.ok)
    end)
end)
