--- The way of a vendor order: every step in its turn, any other changes nothing.
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local TO = {
    CONFIRMED = {},
    PROCESSING = { "PROCESSING" },
    SHIPPED = { "PROCESSING", "SHIPPED" },
    DELIVERED = { "PROCESSING", "SHIPPED", "DELIVERED" },
}
local NEXT = { CONFIRMED = "PROCESSING", PROCESSING = "SHIPPED", SHIPPED = "DELIVERED" }

describe("flows.fulfilment", function()
    local w, shop

    setup(function()
        w = world.start({ set = { ["order.return_window_s"] = 86400 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function step(part, body, who)
        return w:request("PATCH", "/api/vendor/orders/" .. part.id .. "/status", who or shop, body)
    end

    for from, path in pairs(TO) do
        it("takes " .. from .. " to " .. (NEXT[from] or "no further") .. " only", function()
            local made = story.paid(w, { shop = shop })
            local part = story.part(w, made)
            story.ship(w, shop, part.id, unpack(path))
            for _, to in ipairs({ "PROCESSING", "SHIPPED", "DELIVERED" }) do
                if to ~= NEXT[from] then
                    local answer = step(part, { status = to })
                    assert.same({ 409, "illegal_step" }, { answer.status, answer.json.code })
                    assert.equal(from, story.part(w, made).status)
                end
            end
            if NEXT[from] then
                assert.equal(NEXT[from], step(part, { status = NEXT[from] }).json.status)
            end
        end)
    end

    it("takes no step before the order is paid", function()
        local made = story.ordered(w, { shop = shop })
        assert.equal(409, step(story.part(w, made), { status = "PROCESSING" }).status)
    end)

    it("keeps carrier and tracking number for the buyer", function()
        local made = story.paid(w, { shop = shop })
        local part = story.part(w, made)
        story.ship(w, shop, part.id, "PROCESSING")
        local answer = step(part, { status = "SHIPPED", carrier = "DHL", trackingNumber = "JD1" })
        assert.same({ carrier = "DHL", trackingNumber = "JD1" }, answer.json.tracking)
        assert.same(answer.json.tracking, story.order(w, made).vendorOrders[1].tracking)
    end)

    it("does not exist for another vendor", function()
        local part = story.part(w, story.paid(w, { shop = shop }))
        assert.equal(404, step(part, { status = "PROCESSING" }, w:vendor()).status)
        assert.equal(404, step({ id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" },
            { status = "PROCESSING" }).status)
    end)

    it("makes earnings due at delivery", function()
        local own = w:vendor()
        local made = story.paid(w, { shop = own })
        local function balance()
            local row = w:expect(200, "GET", "/api/vendor/balance", own).data[1]
            return { row.pending, row.payable }
        end
        assert.same({ 5400, 0 }, balance())
        story.ship(w, own, story.part(w, made).id, "PROCESSING", "SHIPPED", "DELIVERED")
        assert.same({ 0, 5400 }, balance())
    end)

    it("completes what was delivered before the return window, and the order with it", function()
        local made = story.paid_by_two(w)
        for _, vendor in ipairs({ made.a, made.b }) do
            story.ship(w, vendor, story.part(w, made, vendor).id,
                "PROCESSING", "SHIPPED", "DELIVERED")
        end
        local due = "select vendor_order_complete_due(86400, 100)"
        w.db:query(due)
        assert.equal("CONFIRMED", story.order(w, made).status)
        w.db:query("update vendor_orders set delivered_at = now() - interval '2 days' "
            .. "where order_id = '" .. made.order.id .. "' and vendor_id = '"
            .. made.a.vendor_id .. "'")
        w.db:query(due)
        assert.equal("COMPLETED", story.part(w, made, made.a).status)
        assert.equal("CONFIRMED", story.order(w, made).status)
        w:expect(409, "PATCH", "/api/vendor/orders/" .. story.part(w, made, made.b).id .. "/status",
            made.b, { status = "DELIVERED" })
        w.db:query("update vendor_orders set delivered_at = now() - interval '2 days' "
            .. "where order_id = '" .. made.order.id .. "'")
        w.db:query(due)
        shell.wait_until("the order", 20, function()
            return story.order(w, made).status == "COMPLETED"
        end)
    end)
end)
