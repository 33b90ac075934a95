--- Money back as an administrator asks for it.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("POST /api/admin/orders/{id}/refunds", function()
    local w

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function usd(amount)
        return { amount = amount, currency = "USD" }
    end

    local function refund(made, body, headers)
        body.reason = body.reason or "spec"
        return w:request("POST", "/api/admin/orders/" .. made.order.id .. "/refunds", w:admin(),
            body, headers)
    end

    --- {amount, fee, earnings} of a refund's parts, by vendor order.
    local function parts(answer)
        assert.equal(202, answer.status, answer.body)
        local found = {}
        for _, part in ipairs(answer.json.vendorOrders) do
            found[part.id] = {
                part.amount.amount, part.platformFee.amount, part.earnings.amount,
            }
        end
        return found
    end

    local function ids(made)
        return story.part(w, made, made.a).id, story.part(w, made, made.b).id
    end

    local function wait_for(made, status)
        shell.wait_until("payment " .. status, 30, function()
            return story.order(w, made).payment.status == status
        end)
    end

    it("cuts an amount over the vendors by what is left of each", function()
        local made = story.paid_by_two(w)
        local a, b = ids(made)
        local answer = refund(made, { amount = usd(1001) })
        assert.same({ "PENDING", 1001, "ADMIN", "spec" }, {
            answer.json.status, answer.json.amount.amount, answer.json.cause, answer.json.reason,
        })
        assert.same({ [a] = { 601, 60, 541 }, [b] = { 400, 40, 360 } }, parts(answer))
        assert.same({ [b] = { 3600, 360, 3240 } },
            parts(refund(made, { vendorOrderId = b })))
        assert.same({ [a] = { 99, 10, 89 } }, parts(refund(made, { amount = usd(99) })))
        assert.same({ [a] = { 5300, 530, 4770 } }, parts(refund(made, {})))
        wait_for(made, "REFUNDED")
    end)

    it("adds three partial refunds up exactly and refuses a fourth over the limit (scenario 40)",
        function()
            local made = story.paid(w, { price = 3333, quantity = 1 })
            for _, amount in ipairs({ 1111, 1, 2221 }) do
                assert.equal(202, refund(made, { amount = usd(amount) }).status)
            end
            assert.same({ stripe = -3333, platform_fee = 333, [made.shop.vendor_id] = 3000 },
                story.postings(w, made.order.id, "refund"))
            local answer = refund(made, { amount = usd(1) })
            assert.same({ 409, "refund_exceeds_paid" }, { answer.status, answer.json.code })
            assert.equal(409, refund(made, {}).status)
        end)

    it("never gives back more than was paid when many ask at once (scenario 40)", function()
        local made = story.paid(w, { price = 6000, quantity = 1 })
        local entries = {}
        for i = 1, 12 do
            entries[i] = w:prepared("POST", "/api/admin/orders/" .. made.order.id .. "/refunds",
                w:admin(), { amount = usd(2500), reason = "spec" })
        end
        local counts = {}
        for _, answer in ipairs(client.parallel(entries)) do
            counts[answer.status] = (counts[answer.status] or 0) + 1
        end
        assert.same({ [202] = 2, [409] = 10 }, counts)
        assert.equal(-5000, story.postings(w, made.order.id, "refund").stripe)
    end)

    it("refunds units, and those only that were not refunded by units", function()
        local made = story.paid(w, { price = 1000, quantity = 3 })
        local item = made.order.items[1].id
        local function units(quantity, restock)
            return refund(made, {
                items = { { orderItemId = item, quantity = quantity } }, restock = restock,
            })
        end
        local answer = units(1)
        assert.same({ { orderItemId = item, quantity = 1, restocked = 0, amount = usd(1000) } },
            answer.json.items)
        assert.same({ 0, 0 }, story.shelf(w, made))
        assert.equal(1, units(1, true).json.items[1].restocked)
        assert.same({ 1, 0 }, story.shelf(w, made))
        assert.same({ 409, "refund_exceeds_paid" }, { units(2).status, units(2).json.code })
        local seen = story.order(w, made).items[1]
        assert.same({ 2, 1 }, { seen.refundedQuantity, seen.restockedQuantity })
        w:assert_invariants()
    end)

    it("gives no unit more than is left of its vendor order", function()
        local made = story.paid(w, { price = 1000, quantity = 2 })
        local items = { { orderItemId = made.order.items[1].id, quantity = 1 } }
        assert.equal(202, refund(made, { amount = usd(1500) }).status)
        assert.equal(500, refund(made, { items = items }).json.amount.amount)
        assert.equal(409, refund(made, { items = items }).status)
    end)

    it("restocks no unit twice, though its first refund failed", function()
        local made = story.ordered(w, { price = 1000, quantity = 1 })
        w:pay(made.buyer, made.order, "pm_card_refundFail")
        made.order = story.order(w, made)
        local items = { { orderItemId = made.order.items[1].id, quantity = 1 } }
        assert.equal(202, refund(made, { items = items, restock = true }).status)
        shell.wait_until("the refund", 30, function()
            return w.db:value("select status from refunds where order_id = '" .. made.order.id
                .. "'") == "SUCCEEDED"
        end)
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        wait_for(made, "SUCCEEDED")
        assert.same({ 3, 0 }, story.shelf(w, made))
        local answer = refund(made, { items = items, restock = true })
        assert.same({ 202, 0 }, { answer.status, answer.json.items[1].restocked })
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("answers a repeated key with the same refund", function()
        local made = story.paid(w)
        local headers = { ["Idempotency-Key"] = "refund-1" }
        local first = refund(made, { amount = usd(10) }, headers)
        local again = refund(made, { amount = usd(10) }, headers)
        assert.same({ 202, 202, first.json.id },
            { first.status, again.status, again.json.id })
        assert.equal(1, story.count(w, "refund", made.order.id))
        assert.equal(422, refund(made, { amount = usd(11) }, headers).status)
    end)

    it("keeps who asked and why", function()
        local made = story.paid(w)
        local id = refund(made, { amount = usd(10), reason = "late by a week" }).json.id
        local row = w.db:query(("select action, reason, after ->> 'refundId' from audit_log "
            .. "where object = 'order:%s'"):format(made.order.id))[1]
        assert.same({ "order.refund", "late by a week", id }, { row[1], row[2], row[3] })
    end)

    it("refuses what it cannot understand", function()
        local made = story.paid_by_two(w)
        local item = made.order.items[1].id
        local unknown = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"
        for _, case in ipairs({
            { 422, "amount", {
                amount = usd(1), items = { { orderItemId = item, quantity = 1 } },
            } },
            { 422, "amount.amount", { amount = usd(0) } },
            { 422, "amount.currency", { amount = { amount = 1, currency = "EUR" } } },
            { 422, "restock", { restock = true } },
            { 422, "items.0.quantity", { items = { { orderItemId = item, quantity = 0 } } } },
            { 422, "items.0.orderItemId", {
                items = { { orderItemId = unknown, quantity = 1 } },
            } },
            { 404, nil, { vendorOrderId = unknown } },
            { 409, nil, { amount = usd(10001) } },
        }) do
            local answer = refund(made, case[3])
            local details = answer.json.details
            assert.same({ case[1], case[2] }, { answer.status, details and details[1].field })
        end
        assert.equal(0, story.count(w, "refund", made.order.id))
    end)

    it("has nothing to give back of an order that was not paid, or is not there", function()
        local made = story.ordered(w)
        assert.same({ 409, "refund_exceeds_paid" },
            { refund(made, {}).status, refund(made, {}).json.code })
        assert.equal(404, refund({
            order = { id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" },
        }, {}).status)
    end)

    it("is listed with how it falls on the vendors", function()
        local made = story.paid_by_two(w)
        assert.equal(202, refund(made, { amount = usd(100) }).status)
        local page = w:expect(200, "GET", "/api/admin/refunds?orderId=" .. made.order.id,
            w:admin())
        assert.same({ 1, 2, 100 },
            { page.page.total, #page.data[1].vendorOrders, page.data[1].amount.amount })
    end)

    it("is for administrators", function()
        local made = story.paid(w)
        for _, who in ipairs({ made.buyer, made.shop }) do
            assert.equal(403, w:request("POST", "/api/admin/orders/" .. made.order.id
                .. "/refunds", who, { reason = "mine" }).status)
            assert.equal(403, w:request("GET", "/api/admin/refunds", who).status)
        end
    end)
end)
