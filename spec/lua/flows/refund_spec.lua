--- Money back: the call to Stripe follows the books, and the books follow a call that failed.
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
end)
