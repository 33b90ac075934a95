--- Money back as a vendor gives it: of its own part only.
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("POST /api/vendor/orders/{id}/refunds", function()
    local w, made, part

    setup(function()
        w = world.start()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        made = story.paid_by_two(w)
        part = story.part(w, made, made.b)
    end)

    local function refund(body, who)
        body.reason = "a scratch"
        return w:request("POST", "/api/vendor/orders/" .. part.id .. "/refunds", who or made.b,
            body)
    end

    it("gives back an amount of one's own part", function()
        local answer = refund({ amount = { amount = 150, currency = "USD" } })
        assert.same({ 202, "VENDOR", "PENDING", 1, part.id, 150, 15, 135 }, {
            answer.status, answer.json.cause, answer.json.status, #answer.json.vendorOrders,
            answer.json.vendorOrders[1].id, answer.json.amount.amount,
            answer.json.vendorOrders[1].platformFee.amount,
            answer.json.vendorOrders[1].earnings.amount,
        })
        assert.same({ 409, "refund_exceeds_paid" }, {
            refund({ amount = { amount = 3851, currency = "USD" } }).status,
            refund({ amount = { amount = 3851, currency = "USD" } }).json.code,
        })
    end)

    it("gives back all that is left of it, once", function()
        assert.equal(4000, refund({}).json.amount.amount)
        assert.equal(409, refund({}).status)
        assert.same({ stripe = -4000, platform_fee = 400, [made.b.vendor_id] = 3600 },
            story.postings(w, made.order.id, "refund"))
    end)

    it("takes a return back to the shelf", function()
        story.ship(w, made.b, part.id, "PROCESSING", "SHIPPED", "DELIVERED")
        local answer = refund({
            items = { { orderItemId = part.items[1].id, quantity = 1 } }, restock = true,
        })
        assert.equal(202, answer.status)
        assert.same({ 5, 0 }, { w:stock(made.b, made.thing_b) })
        local seen = story.part(w, made, made.b)
        assert.same({ "DELIVERED", 1 }, { seen.status, seen.items[1].restockedQuantity })
    end)

    it("knows no other vendor's part, nor its items", function()
        assert.equal(404, refund({}, made.a).status)
        local foreign = story.part(w, made, made.a).items[1].id
        local answer = refund({ items = { { orderItemId = foreign, quantity = 1 } } })
        assert.same({ 422, "items.0.orderItemId" },
            { answer.status, answer.json.details[1].field })
        assert.equal(403, refund({}, made.buyer).status)
        assert.equal(0, story.count(w, "refund", made.order.id))
    end)
end)
