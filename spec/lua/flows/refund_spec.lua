--- Money back: the call to Stripe follows the books, and the books follow a call that failed.
local emulator = require("spec.support.emulator")
local money = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.refund", function()
    local w, shop

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function cancelled(card)
        local made = story.ordered(w, { shop = shop })
        w:pay(made.buyer, made.order, card)
        w:expect(200, "POST", "/api/orders/" .. made.order.id .. "/cancel", made.buyer, {})
        return made
    end

    local function refund_of(made)
        return w:expect(200, "GET", "/api/admin/refunds?orderId=" .. made.order.id,
            w:admin()).data[1]
    end

    local function wait_for(made, status)
        shell.wait_until("refund " .. status, 30, function()
            return refund_of(made).status == status
        end)
    end

    it("is sent by the server itself, once, with a key of its own", function()
        local made = cancelled()
        wait_for(made, "SUCCEEDED")
        local refund, sent = refund_of(made), {}
        for _, entry in ipairs(story.asked(w, "POST", "/v1/refunds")) do
            if entry.idempotency_key:find(refund.id, 1, true) then
                sent[#sent + 1] = entry
            end
        end
        assert.equal(1, #sent)
        assert.truthy(sent[1].body:find("amount=6000", 1, true))
        assert.same({ "BUYER_CANCEL", 6000, 600, 5400 }, {
            refund.cause, refund.amount.amount, refund.vendorOrders[1].platformFee.amount,
            refund.vendorOrders[1].earnings.amount,
        })
    end)

    it("is sent again with the same key and bytes until its outcome is known", function()
        story.fault(w, { kind = "drop_after", method = "POST", path = "/v1/refunds", times = 3 })
        local made = cancelled()
        wait_for(made, "SUCCEEDED")
        local keys, bodies = {}, {}
        for _, entry in ipairs(story.asked(w, "POST", "/v1/refunds")) do
            if entry.idempotency_key:find(refund_of(made).id, 1, true) then
                keys[entry.idempotency_key], bodies[entry.body] = true, true
            end
        end
        assert.is_nil(next(keys, next(keys)))
        assert.is_nil(next(bodies, next(bodies)))
    end)

    it("waits while the bank takes its time", function()
        local made = cancelled("pm_card_pendingRefund")
        shell.wait_until("the call", 30, function()
            return w.db:value(("select count(*) from stripe_ops where ref_id = '%s' "
                .. "and state = 'DONE'"):format(refund_of(made).id)) == 1
        end)
        assert.equal("PENDING", refund_of(made).status)
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        wait_for(made, "SUCCEEDED")
    end)

    it("is taken back in the books when it fails after all", function()
        local made = cancelled("pm_card_refundFail")
        wait_for(made, "SUCCEEDED")
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        wait_for(made, "FAILED")
        assert.same({ stripe = 6000, platform_fee = -600, [shop.vendor_id] = -5400 },
            story.postings(w, made.order.id, "refund_failed"))
        assert.equal("SUCCEEDED", story.order(w, made).payment.status)
    end)

    --- A delivered order, paid with a card whose refunds fail after days, and paid out.
    local function paid_out()
        local seller = w:vendor()
        w:onboard(seller)
        local made = story.ordered(w, { shop = seller })
        w:pay(made.buyer, made.order, "pm_card_refundFail")
        made.order = story.order(w, made)
        money.deliver(w, made)
        money.paid_out(w, seller)
        return made
    end

    it("gives the vendor back what was taken of its transfer when it fails (scenario 42)",
        function()
            local made = paid_out()
            money.refund(w, made, { amount = 1001 })
            wait_for(made, "SUCCEEDED")
            assert.same({ { "DONE", 901, 901 } }, money.settled(w, made))
            story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
            wait_for(made, "FAILED")
            assert.same({ stripe = 1001, platform_fee = -100, [made.shop.vendor_id] = -901 },
                story.postings(w, made.order.id, "refund_failed"))
            assert.equal(901, money.paid_out(w, made.shop).amount.amount)
            assert.equal(0, money.ledger(w, "vendor:" .. made.shop.vendor_id))
            shell.wait_until("the ledger has what Stripe has", 30, function()
                return money.ledger(w, "stripe") == money.stripe_balance(w)
            end)
        end)

    it("owes nobody anything when it fails before anything was paid out (scenario 42)", function()
        local seller = w:vendor()
        w:onboard(seller)
        local made = story.ordered(w, { shop = seller })
        w:pay(made.buyer, made.order, "pm_card_refundFail")
        money.refund(w, made, { amount = 2000 })
        wait_for(made, "SUCCEEDED")
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        wait_for(made, "FAILED")
        made.order = story.order(w, made)
        assert.equal("SUCCEEDED", made.order.payment.status)
        money.deliver(w, made)
        assert.equal(5400, money.paid_out(w, seller).amount.amount)
    end)

    it("of what is not due yet is not taken from what is (scenario 38)", function()
        local seller = w:vendor()
        w:onboard(seller)
        local sold = money.delivered(w, { shop = seller })
        local made = story.paid(w, { shop = seller })
        local taken_back = story.paid(w, { shop = seller })
        money.refund(w, made, { amount = 2000 })
        w:expect(200, "POST", "/api/orders/" .. taken_back.order.id .. "/cancel",
            taken_back.buyer, {})
        assert.equal(5400, money.paid_out(w, seller).amount.amount)
        assert.same({}, money.reversals(w, sold))
        money.deliver(w, made)
        assert.equal(3600, money.paid_out(w, seller).amount.amount)
        assert.equal(0, money.ledger(w, "vendor:" .. seller.vendor_id))
    end)

    it("made at Stripe and not here is put aside, and somebody is told", function()
        local made = story.paid(w, { shop = shop })
        local intent = made.payment.clientSecret:match("^(pi_%w+)_secret")
        local answer = emulator.call(w.stripe, "POST", "/v1/refunds",
            "payment_intent=" .. intent .. "&amount=700")
        assert.equal(200, answer.status)
        local id = answer.json.id
        shell.wait_until("the event", 30, function()
            return w.db:value(("select count(*) from stripe_events where object_id = '%s' "
                .. "and state = 'IGNORED' and problem like 'a refund of our payment that was not "
                .. "made here%%'"):format(id)) > 0
        end)
        assert.equal(0, story.count(w, "refund", made.order.id))
        w.server:logged("refund.unknown", true)
    end)
end)
