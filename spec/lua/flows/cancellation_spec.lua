--- Taking orders back, unpaid and paid, whole and in part.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.cancellation", function()
    local w, shop

    setup(function()
        w = world.start({ is_without_webhooks = true })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
    end)

    local function cancel(made, who, body)
        return w:request("POST", "/api/orders/" .. made.order.id .. "/cancel", who or made.buyer,
            body or {})
    end

    local function wait_for_refund(made, status)
        shell.wait_until("the refund", 30, function()
            return w.db:value(("select status from refunds where order_id = '%s'")
                :format(made.order.id)) == status
        end)
    end

    it("gives an unpaid order's goods back", function()
        local made = story.ordered(w, { shop = shop })
        local answer = cancel(made)
        assert.same({ 200, "CANCELLED" }, { answer.status, answer.json.status })
        assert.same({ 3, 0 }, story.shelf(w, made))
        assert.equal(409, cancel(made).status)
        assert.equal(409, w:request("POST", "/api/orders/" .. made.order.id .. "/payment",
            made.buyer, { method = "CARD" }).status)
    end)

    it("ends a payment that was started at Stripe first", function()
        local made = story.ordered(w, { shop = shop })
        local payment = w:payment(made.buyer, made.order)
        assert.equal(200, cancel(made).status)
        assert.equal("CANCELLED", story.order(w, made).payment.status)
        assert.is_true(w:present(payment).status >= 400)
    end)

    it("releases nothing while Stripe is away", function()
        local made = story.ordered(w, { shop = shop })
        w:payment(made.buyer, made.order)
        story.fault(w, { kind = "error_before", path = "/v1/payment_intents/*/cancel", times = 3 })
        assert.equal(503, cancel(made).status)
        assert.equal("PENDING", story.order(w, made).status)
        assert.same({ 3, 1 }, story.shelf(w, made))
        assert.equal(200, cancel(made).status)
    end)

    it("refunds what was paid a moment before", function()
        local made = story.ordered(w, { shop = shop })
        w:present(w:payment(made.buyer, made.order))
        assert.equal(200, cancel(made).status)
        assert.equal("CANCELLED", story.order(w, made).status)
        wait_for_refund(made, "SUCCEEDED")
        assert.equal("REFUNDED", story.order(w, made).payment.status)
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("restocks and refunds a paid order that has not shipped, by the stored fees", function()
        local made = story.paid_by_two(w)
        local answer = cancel(made, made.buyer, { reason = "changed my mind" })
        assert.same({ 200, "CANCELLED" }, { answer.status, answer.json.status })
        assert.same({
            stripe = -10000, platform_fee = 1000,
            [made.a.vendor_id] = 5400, [made.b.vendor_id] = 3600,
        }, story.postings(w, made.order.id, "refund"))
        assert.same({ 5, 0 }, { w:stock(made.a, made.thing_a) })
        wait_for_refund(made, "SUCCEEDED")
        local balance = w:expect(200, "GET", "/api/vendor/balance", made.a).data[1]
        assert.same({ 0, 0, 0 }, { balance.pending, balance.payable, balance.owed })
    end)

    it("refunds once when it is asked twenty times at once", function()
        local made = story.paid(w, { shop = shop })
        local entries = {}
        for i = 1, 20 do
            entries[i] = w:prepared("POST", "/api/orders/" .. made.order.id .. "/cancel",
                made.buyer, {})
        end
        local done = 0
        for _, answer in ipairs(client.parallel(entries)) do
            done = done + (answer.status == 200 and 1 or 0)
            assert.is_true(answer.status == 200 or answer.status == 409, answer.body)
        end
        assert.equal(1, done)
        assert.equal(1, story.count(w, "refund", made.order.id))
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("is too late once a part has shipped, and changes nothing", function()
        local made = story.paid_by_two(w)
        story.ship(w, made.a, story.part(w, made, made.a).id, "PROCESSING", "SHIPPED")
        local answer = cancel(made)
        assert.same({ 409, "illegal_step" }, { answer.status, answer.json.code })
        assert.equal("CONFIRMED", story.order(w, made).status)
        assert.equal(0, story.count(w, "refund", made.order.id))
        assert.same({ 4, 0 }, { w:stock(made.b, made.thing_b) })
    end)

    it("is the buyer's and the admin's, and nobody else's", function()
        local made = story.ordered(w, { shop = shop })
        assert.equal(404, cancel(made, w:buyer()).status)
        assert.equal(403, cancel(made, shop).status)
        assert.equal(200, cancel(made, w:admin(), { reason = "fraud" }).status)
    end)

    it("lets a vendor take back its part: that part is restocked and refunded", function()
        local made = story.paid_by_two(w)
        local part = story.part(w, made, made.b)
        local path = "/api/vendor/orders/" .. part.id .. "/cancel"
        assert.equal(404, w:request("POST", path, made.a, { reason = "not mine" }).status)
        local answer = w:request("POST", path, made.b, { reason = "broken" })
        assert.same({ 200, "CANCELLED" }, { answer.status, answer.json.status })
        assert.same({ stripe = -4000, platform_fee = 400, [made.b.vendor_id] = 3600 },
            story.postings(w, made.order.id, "refund"))
        assert.same({ 5, 0 }, { w:stock(made.b, made.thing_b) })
        assert.same({ 4, 0 }, { w:stock(made.a, made.thing_a) })
        local order = story.order(w, made)
        assert.same({ "CONFIRMED", "PARTIALLY_REFUNDED" }, { order.status, order.payment.status })
        assert.equal(409, w:request("POST", path, made.b, { reason = "again" }).status)
        w:expect(200, "POST", "/api/vendor/orders/" .. story.part(w, made, made.a).id .. "/cancel",
            made.a, { reason = "me too" })
        assert.equal("CANCELLED", story.order(w, made).status)
        assert.equal("REFUNDED", story.order(w, made).payment.status)
    end)

    it("takes units of a part back: they are restocked and refunded, the rest goes on", function()
        local made = story.paid(w, { shop = shop, quantity = 3, price = 1000 })
        local part = story.part(w, made)
        local path, item = "/api/vendor/orders/" .. part.id .. "/cancel", part.items[1].id
        local function take(quantity)
            return w:request("POST", path, shop,
                { reason = "two broke", items = { { orderItemId = item, quantity = quantity } } })
        end
        local answer = take(2)
        assert.same({ 200, "CONFIRMED", 2, 2 }, {
            answer.status, answer.json.status, answer.json.items[1].refundedQuantity,
            answer.json.items[1].restockedQuantity,
        })
        assert.same({ 2, 0 }, story.shelf(w, made))
        assert.same({ stripe = -2000, platform_fee = 200, [shop.vendor_id] = 1800 },
            story.postings(w, made.order.id, "refund"))
        assert.same({ 409, "refund_exceeds_paid" }, { take(2).status, take(2).json.code })
        w:assert_invariants()
        answer = take(1)
        assert.same({ 200, "CANCELLED" }, { answer.status, answer.json.status })
        assert.same({ 3, 0 }, story.shelf(w, made))
        local order = story.order(w, made)
        assert.same({ "CANCELLED", "REFUNDED" }, { order.status, order.payment.status })
        assert.same({ 409, "illegal_step" }, { take(1).status, take(1).json.code })
    end)

    it("takes no units back of what has shipped, nor of another's part", function()
        local made = story.paid_by_two(w)
        local part, foreign = story.part(w, made, made.a), story.part(w, made, made.b)
        local path = "/api/vendor/orders/" .. part.id .. "/cancel"
        local items = { { orderItemId = part.items[1].id, quantity = 1 } }
        local answer = w:request("POST", path, made.a, { reason = "some", items = {
            items[1], { orderItemId = foreign.items[1].id, quantity = 1 },
        } })
        assert.same({ 422, "items.1.orderItemId" },
            { answer.status, answer.json.details[1].field })
        assert.equal(404, w:request("POST", path, made.b, { reason = "x", items = items }).status)
        story.ship(w, made.a, part.id, "PROCESSING", "SHIPPED")
        assert.equal(409, w:request("POST", path, made.a, { reason = "x", items = items }).status)
        assert.equal(0, story.count(w, "refund", made.order.id))
    end)
end)
