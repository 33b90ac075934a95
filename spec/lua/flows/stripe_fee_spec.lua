--- What Stripe keeps of a payment: read from its balance transaction, posted once.
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

--- Of 100.00: 2.9 % and 0.30.
local FEE = 320

describe("flows.stripe_fee", function()
    local w

    setup(function()
        w = world.start()
    end)

    teardown(function()
        w:stop()
    end)

    local function fee_of(payment_id)
        return w.db:value("select coalesce(fee_minor::text, 'unknown') from payments where id = '"
            .. payment_id .. "'")
    end

    local function wait_for_fee(payment_id)
        shell.wait_until("the fee is known", 30, function()
            return fee_of(payment_id) ~= "unknown"
        end)
        return fee_of(payment_id)
    end

    it("posts the fee soon after the payment, once", function()
        local made = story.paid_by_two(w)
        assert.equal(FEE, wait_for_fee(made.payment.paymentId))
        assert.same({ stripe_fee = FEE, stripe = -FEE },
            story.postings(w, made.order.id, "stripe_fee"))
        assert.equal("f", w.db:value(("select stripe_fee_post('%s', 99)"):format(
            made.payment.paymentId)))
        assert.equal(1, story.count(w, "stripe_fee", made.order.id))
        w:assert_invariants()
    end)

    it("keeps it when the money goes back", function()
        local made = story.paid(w, { price = 10000 })
        wait_for_fee(made.payment.paymentId)
        w:expect(200, "POST", "/api/orders/" .. made.order.id .. "/cancel", made.buyer,
            { reason = "changed my mind" })
        local by_account = {}
        for _, row in ipairs(w.db:query("select account, sum(amount_minor) from ledger_postings p "
            .. "join ledger_transactions t on t.id = p.transaction_id where t.order_id = '"
            .. made.order.id .. "' group by account")) do
            by_account[row[1]] = tonumber(row[2])
        end
        assert.same({ -FEE, FEE, 0 },
            { by_account.stripe, by_account.stripe_fee, by_account.platform_fee })
    end)

    it("posts nothing for a fee of 0, and does not ask again", function()
        local made = story.ordered(w)
        -- One transaction: the server asks for fees that are not known.
        assert.equal("t", w.db:value(("insert into payments (id, order_id, number, status, method, "
            .. "amount_minor, currency, is_live, succeeded_at) values ('%s', '%s', 9, 'SUCCEEDED', "
            .. "'CARD', 6000, 'USD', false, now()); select stripe_fee_post('%s', 0)"):format(
            made.order.id, made.order.id, made.order.id)))
        assert.same({ 0, 0 }, { fee_of(made.order.id), story.count(w, "stripe_fee",
            made.order.id) })
        w.db:query("delete from payments where id = '" .. made.order.id .. "'")
    end)

    it("leaves a quarantined payment alone", function()
        local made = story.paid(w)
        wait_for_fee(made.payment.paymentId)
        w.db:query("update payments set fee_minor = null, quarantined_at = now() where id = '"
            .. made.payment.paymentId .. "'")
        assert.equal("f", w.db:value(("select stripe_fee_post('%s', 5)"):format(
            made.payment.paymentId)))
        w.db:query("update payments set fee_minor = 204, quarantined_at = null where id = '"
            .. made.payment.paymentId .. "'")
    end)

    it("waits when Stripe does not answer, and asks again", function()
        story.fault(w, { kind = "error_before", method = "GET", path = "/v1/payment_intents/*",
            times = 1000 })
        local made = story.ordered(w)
        local payment = w:payment(made.buyer, made.order)
        w:present(payment)
        story.wait_for(w, made, "CONFIRMED")
        shell.wait_until("Stripe was asked in vain", 30, function()
            return w.db:value("select checked_at > succeeded_at from payments where id = '"
                .. payment.paymentId .. "'") == "t"
        end)
        assert.equal("unknown", fee_of(payment.paymentId))
        story.emulator(w, "DELETE", "/faults")
        w.db:query("update payments set checked_at = succeeded_at where id = '"
            .. payment.paymentId .. "'")
        assert.equal(204, wait_for_fee(payment.paymentId))
    end)

    it("is posted for a payment that came too late as well: Stripe keeps it", function()
        local made = story.paid(w)
        wait_for_fee(made.payment.paymentId)
        local second = made.order.id:gsub("^........", "00000000")
        local told = w.db:query(("insert into payments (id, order_id, number, status, method, "
            .. "amount_minor, currency, is_live, succeeded_at, charge_id) values ('%s', '%s', 2, "
            .. "'SUCCEEDED', 'CARD', 6000, 'USD', false, now(), 'ch_second'); "
            .. "select refund_unapplied('%s', 'SURPLUS_PAYMENT'); "
            .. "select stripe_fee_post('%s', 204)")
            :format(second, made.order.id, second, second))
        assert.equal("t", told[#told][1])
        assert.same({ stripe = -408, stripe_fee = 408 },
            story.postings(w, made.order.id, "stripe_fee"))
    end)

    it("makes the ledger what Stripe's own lines add up to", function()
        local made = story.paid_by_two(w)
        wait_for_fee(made.payment.paymentId)
        local charge = w.db:value("select charge_id from payments where id = '"
            .. made.payment.paymentId .. "'")
        local lines = emulator.call(w.stripe, "GET",
            "/v1/balance_transactions?source=" .. charge).json.data
        assert.equal(1, #lines)
        assert.equal(lines[1].net, w.db:value("select sum(amount_minor) from ledger_postings p "
            .. "join ledger_transactions t on t.id = p.transaction_id where t.order_id = '"
            .. made.order.id .. "' and account = 'stripe'"))
    end)
end)
