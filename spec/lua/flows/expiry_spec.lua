--- Unpaid orders end, and never while Stripe may still take the buyer's money for them.
local story = require("spec.lua.story")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local PI = "/v1/payment_intents"

describe("flows.expiry", function()
    local w, shop

    setup(function()
        w = world.start({
            is_without_webhooks = true,
            set = { ["stripe.resend_after_s"] = 1 },
        })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
    end)

    --- The order's time is up now.
    local function overdue(made)
        w.db:query("update orders set expires_at = now() where id = '" .. made.order.id .. "'")
    end

    it("gives goods back that nobody started to pay for", function()
        local made = story.ordered(w, { shop = shop })
        overdue(made)
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
        assert.equal("CANCELLED", story.order(w, made).vendorOrders[1].status)
        local late = w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
        assert.same({ 410, "order_expired" }, { late.status, late.json.code })
    end)

    it("cancels the PaymentIntent before it gives goods back (scenario 10)", function()
        local made = story.ordered(w, { shop = shop })
        local payment = w:payment(made.buyer, made.order)
        w:present(payment, "pm_card_authenticationRequired")
        overdue(made)
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
        assert.equal("CANCELLED", story.order(w, made).payment.status)
        local intent = payment.clientSecret:match("^(pi_%w+)_secret")
        assert.equal(1, #story.asked(w, "POST", PI .. "/" .. intent .. "/cancel"))
        assert.equal(410, w:confirm(made.buyer, made.order, payment).status)
    end)

    it("keeps the goods while Stripe does not say that it gave up", function()
        local made = story.ordered(w, { shop = shop })
        w:payment(made.buyer, made.order)
        story.fault(w, { kind = "error_before", path = PI .. "/*/cancel", times = 1000 })
        overdue(made)
        shell.wait_until("a refused cancellation", 20, function()
            return #story.asked(w, "POST", PI .. "/") > 0 and w.db:value("select count(*) from "
                .. "stripe_ops where kind = 'payment_cancel' and state = 'UNKNOWN'") > 0
        end)
        assert.equal("PENDING", story.order(w, made).status)
        assert.same({ 3, 1 }, story.shelf(w, made))
        story.emulator(w, "DELETE", "/faults")
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("waits for a bank that is at work, without pressing Stripe to cancel", function()
        local made = story.ordered(w, { shop = shop })
        local payment = w:payment(made.buyer, made.order)
        local intent = payment.clientSecret:match("^(pi_%w+)_secret")
        story.fault(w, { kind = "tamper", method = "GET", path = PI .. "/" .. intent, times = 1000,
            set = { status = "processing" } })
        assert.equal(202, w:confirm(made.buyer, made.order, payment).status)
        local before = #story.asked(w, "GET", PI .. "/" .. intent)
        overdue(made)
        shell.wait_until("a question", 20, function()
            return #story.asked(w, "GET", PI .. "/" .. intent) > before
        end)
        assert.equal("PENDING", story.order(w, made).status)
        assert.same({ 3, 1 }, story.shelf(w, made))
        assert.equal(0, #story.asked(w, "POST", PI .. "/" .. intent .. "/cancel"))
        local cancel = w:request("POST", "/api/orders/" .. made.order.id .. "/cancel",
            made.buyer, {})
        assert.equal(409, cancel.status)
        story.emulator(w, "DELETE", "/faults")
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("makes a sale of what was paid in the last moment", function()
        local made = story.ordered(w, { shop = shop })
        w:present(w:payment(made.buyer, made.order))
        overdue(made)
        story.wait_for(w, made, "CONFIRMED")
        assert.same({ 2, 0 }, story.shelf(w, made))
        assert.equal(1, story.count(w, "paid", made.order.id))
    end)

    it("needs no word from Stripe about a call that never reached it", function()
        local made = story.ordered(w, { shop = shop })
        w.stripe:stop()
        assert.equal(503, w:request("POST", "/api/orders/" .. made.order.id .. "/payment",
            made.buyer, { method = "CARD" }).status)
        overdue(made)
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
        w.stripe:restart()
    end)

    describe("when Stripe does not know the PaymentIntent any more", function()
        local function with_lost_intent()
            local made = story.ordered(w, { shop = shop })
            local payment = w:payment(made.buyer, made.order)
            w.stripe:signal("KILL")
            shell.wait_until("the emulator is gone", 30, function()
                return w.stripe:exit_code()
            end)
            w.stripe:restart()
            return made, payment
        end

        it("gives the goods back in time all the same", function()
            local made = with_lost_intent()
            overdue(made)
            story.wait_for(w, made, "EXPIRED")
            assert.same({ 3, 0 }, story.shelf(w, made))
        end)

        it("lets the order be paid by another payment", function()
            local made, lost = with_lost_intent()
            assert.equal(409, w:confirm(made.buyer, made.order, lost).status)
            local payment = w:payment(made.buyer, made.order)
            assert.are_not.equal(lost.paymentId, payment.paymentId)
            w:present(payment)
            assert.equal("CONFIRMED", w:confirm(made.buyer, made.order, payment).json.status)
            assert.equal(1, story.count(w, "paid", made.order.id))
        end)

        it("makes that other payment when it is asked for, too", function()
            local made, lost = with_lost_intent()
            local payment = w:payment(made.buyer, made.order)
            assert.are_not.equal(lost.paymentId, payment.paymentId)
        end)
    end)

    it("is over for a buyer at the second it is overdue, before the timer has come", function()
        local made = story.ordered(w, { shop = shop })
        overdue(made)
        local answer = w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
        assert.same({ 410, "order_expired" }, { answer.status, answer.json.code })
    end)
end)
