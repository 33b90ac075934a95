--- Taking transfers back: the buyer's money does not wait, and a debt is neither lost nor paid
--- twice.
local crash = require("spec.support.crash")
local emulator = require("spec.support.emulator")
local money = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.reversal", function()
    local w, shop, account

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
        shop = w:vendor()
        account = w:onboard(shop)
    end)

    local function transferred()
        local made = money.delivered(w, { shop = shop })
        money.paid_out(w, shop)
        return made
    end

    --- The vendor's own bank gets what its account has, so that less than `left` stays there.
    local function empty(left)
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        if left > 0 then
            local body = ("amount=%d&currency=usd"):format(5400 - left)
            local answer = emulator.call(w.stripe, "POST", "/v1/payouts", body,
                { ["Stripe-Account"] = account })
            assert(answer.status == 200, answer.body)
        else
            story.emulator(w, "POST", "/payouts", { account = account, run = true })
        end
    end

    it("takes nothing back of what was not sent yet (scenario 38)", function()
        local made = money.delivered(w, { shop = shop })
        money.refund(w, made, {})
        assert.equal("NOTHING_DUE", money.run(w, shop)[1].outcome)
        assert.same({}, money.reversals(w, made))
        assert.same({ 0, 0, 0, 0 }, money.balance(w, shop))
    end)

    it("takes the vendor's share of a partial refund back (scenario 39)", function()
        local made = transferred()
        money.refund(w, made, { amount = 1001 })
        assert.same({ { "DONE", 901, 901 } }, money.settled(w, made))
        assert.same({ stripe = 901, [shop.vendor_id] = -901 },
            story.postings(w, made.order.id, "reversal"))
        assert.same({ 0, 0, 4499, 0 }, money.balance(w, shop))
    end)

    it("adds partial refunds up to the whole transfer (scenario 40)", function()
        local made = transferred()
        for _, amount in ipairs({ 1999, 2001, 2000 }) do
            money.refund(w, made, { amount = amount })
        end
        money.settled(w, made)
        assert.same({ stripe = 5400, [shop.vendor_id] = -5400 },
            story.postings(w, made.order.id, "reversal"))
    end)

    it("carries what the vendor's account does not have, and nets it from the next payout "
        .. "(scenario 41)", function()
        local made = transferred()
        empty(0)
        money.refund(w, made, {})
        assert.same({ { "CARRIED", 5400, 0 } }, money.settled(w, made))
        shell.wait_until("the buyer has the money", 30, function()
            return story.order(w, made).payment.status == "REFUNDED"
        end)
        assert.same({ 0, 0, 5400, 5400 }, money.balance(w, shop))
        money.delivered(w, { shop = shop, price = 10000 })
        assert.equal(3600, money.paid_out(w, shop).amount.amount)
        assert.same({ 0, 0, 9000, 0 }, money.balance(w, shop))
    end)

    it("takes what there is, and carries the rest (scenario 41)", function()
        local made = transferred()
        empty(1400)
        money.refund(w, made, {})
        assert.same({ { "CARRIED", 5400, 1400 } }, money.settled(w, made))
        assert.same({ 0, 0, 4000, 4000 }, money.balance(w, shop))
    end)

    it("carries the rest once when the server dies as it learns of it (scenarios 23 and 41)",
        function()
            local made = transferred()
            empty(1400)
            crash.arm(w.server, "reversal.short")
            money.refund(w, made, {})
            shell.wait_until("its end", 30, function()
                return w.server:exit_code()
            end)
            assert.equal("reversal.short", crash.fired(w.server))
            w.server:restart()
            assert.same({ { "CARRIED", 5400, 1400 } }, money.settled(w, made))
            assert.same({ 0, 0, 4000, 4000 }, money.balance(w, shop))
        end)

    it("opens for a refund that came while the transfer was on its way", function()
        local made = money.delivered(w, { shop = shop })
        story.fault(w, { kind = "drop_before", method = "POST", path = "/v1/transfers",
            times = 1000 })
        money.run(w, shop)
        money.refund(w, made, { amount = 3000 })
        assert.same({}, money.reversals(w, made))
        story.emulator(w, "DELETE", "/faults")
        assert.same({ { "DONE", 2700, 2700 } }, money.settled(w, made))
        assert.same({ 0, 0, 2700, 0 }, money.balance(w, shop))
    end)

    it("is made once though its answer is lost", function()
        local made = transferred()
        story.fault(w, { kind = "drop_after", method = "POST", path = "/v1/transfers/*",
            times = 2 })
        money.refund(w, made, {})
        assert.same({ { "DONE", 5400, 5400 } }, money.settled(w, made))
        assert.same({ 0, 0, 0, 0 }, money.balance(w, shop))
    end)

    it("tells of one that was made at Stripe by hand, and books nothing", function()
        local made = transferred()
        local id = w.db:value(("select provider_transfer_id from transfers where vendor_id = '%s'")
            :format(shop.vendor_id))
        local answer = emulator.call(w.stripe, "POST", "/v1/transfers/" .. id .. "/reversals",
            "amount=100")
        assert.equal(200, answer.status, answer.body)
        w.server:logged("transfer.reversed_elsewhere", true, 30)
        assert.same({}, money.reversals(w, made))
        assert.same({}, story.postings(w, made.order.id, "reversal"))
    end)
end)
