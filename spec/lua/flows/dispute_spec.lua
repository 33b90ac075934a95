--- Disputes from the bank's first word to the last, with what was paid out and what was not.
local client = require("spec.support.client")
local core_stripe = require("core.stripe")
local emulator = require("spec.support.emulator")
local money = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

--- Who bears a dispute, and whether transfers come back at once, by its reason.
local POLICY = [[
local VENDOR = { product_not_received = true, product_unacceptable = true }
local REVERSES = { duplicate = true, product_unacceptable = true }
return {
    kind = "payout", version = 1, note = "spec",
    evaluate = function(input)
        return {
            dispute_liable = VENDOR[input.reason] and "VENDOR" or "PLATFORM",
            dispute_reverses = REVERSES[input.reason] or false,
        }
    end,
    examples = {
        { given = { reason = "duplicate" }, expect = { dispute_reverses = true } },
    },
}
]]

describe("flows.dispute", function()
    local w, shop

    setup(function()
        local folder = os.getenv("SOUK_HOME") .. "/lua"
        shell.must("cp -r lua " .. shell.quote(folder))
        shell.write(folder .. "/policies/payout.lua", POLICY)
        w = world.start({ set = { ["lua.dir"] = folder, ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        shell.wait_until("the ledger has what Stripe has", 30, function()
            return money.stripe_balance(w) == money.ledger(w, "stripe")
        end)
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
        shop = w:vendor()
        w:onboard(shop)
    end)

    --- The bank takes an order's money back; options: amount, reason, inquiry. Stripe's dispute.
    local function open(made, options)
        return story.emulator(w, "POST",
            "/dispute/" .. made.payment.clientSecret:match("^(pi_%w+)_secret"), options or {})
    end

    local function close(object, is_won)
        return story.emulator(w, "POST", "/dispute/" .. object.id .. "/close", { won = is_won })
    end

    local function listed(made)
        return w:expect(200, "GET", "/api/admin/disputes?orderId=" .. made.order.id,
            w:admin()).data
    end

    local function wait_for(made, state)
        local row
        shell.wait_until("dispute " .. state, 30, function()
            row = listed(made)[1]
            return row and row.state == state
        end)
        return row
    end

    local function outcome(made_shop)
        local row = money.run(w, made_shop)[1]
        return row and row.outcome
    end

    local function events(made)
        local found = {}
        for i, row in ipairs(w.db:query(("select type from outbox_events where type like "
            .. "'dispute.%%' and data ->> 'orderId' = '%s' order by id"):format(made.order.id))) do
            found[i] = row[1]
        end
        return table.concat(found, " ")
    end

    it("holds the money and what was not paid out, until it is won (scenario 49)", function()
        local made = money.delivered(w, { shop = shop })
        local object = open(made)
        local row = wait_for(made, "OPEN")
        assert.same({ 6000, 1500, "fraudulent", object.id, "PLATFORM", 6000 }, {
            row.amount.amount, row.fee.amount, row.reason, row.providerDisputeId,
            row.vendorOrders[1].liable, row.vendorOrders[1].amount.amount,
        })
        assert.same({ dispute_hold = 6000, dispute_fee = 1500, stripe = -7500 },
            story.postings(w, made.order.id, "dispute_opened"))
        assert.not_equal("TAKEN", outcome(shop))
        close(object, true)
        wait_for(made, "WON")
        assert.same({ stripe = 6000, dispute_hold = -6000 },
            story.postings(w, made.order.id, "dispute_won"))
        money.paid_out(w, shop)
        assert.same({ 0, 0, 5400, 0 }, money.balance(w, shop))
        assert.equal("dispute.opened dispute.won", events(made))
    end)

    it("sends again what was taken back when it opened, once it is won (scenario 49)", function()
        local made = money.delivered(w, { shop = shop })
        money.paid_out(w, shop)
        local object = open(made, { reason = "product_unacceptable" })
        wait_for(made, "OPEN")
        assert.same({ { "DONE", 5400, 5400 } }, money.settled(w, made))
        assert.not_equal("TAKEN", outcome(shop))
        close(object, true)
        wait_for(made, "WON")
        money.paid_out(w, shop)
        assert.equal(2, story.count(w, "transfer", made.order.id))
        assert.equal(0, money.ledger(w, "vendor:" .. shop.vendor_id))
    end)

    it("is the platform's loss when it is lost, unless policy says so (scenario 50)", function()
        local made = money.delivered(w, { shop = shop })
        close(open(made), false)
        assert.equal("PLATFORM", wait_for(made, "LOST").vendorOrders[1].liable)
        assert.same({ loss = 6000, dispute_hold = -6000 },
            story.postings(w, made.order.id, "dispute_lost"))
        money.paid_out(w, shop)
        assert.same({ 0, 0, 5400, 0 }, money.balance(w, shop))
        assert.matches("dispute.lost$", events(made))
    end)

    it("is the vendor's whom the policy names: taken back, the rest owed (scenario 50)",
        function()
            local made = money.delivered(w, { shop = shop })
            money.paid_out(w, shop)
            close(open(made, { reason = "product_not_received" }), false)
            wait_for(made, "LOST")
            assert.same({ { "DONE", 5400, 5400 } }, money.settled(w, made))
            assert.same({ [shop.vendor_id] = 6000, dispute_hold = -6000 },
                story.postings(w, made.order.id, "dispute_lost"))
            assert.equal(600, money.ledger(w, "vendor:" .. shop.vendor_id))
            assert.equal(600, money.balance(w, shop)[4])
        end)

    it("is netted from what was not paid out yet (scenario 50)", function()
        local made = money.delivered(w, { shop = shop })
        close(open(made, { reason = "product_not_received" }), false)
        wait_for(made, "LOST")
        assert.same({}, money.reversals(w, made))
        money.delivered(w, { shop = shop })
        assert.equal(4800, money.paid_out(w, shop).amount.amount)
    end)

    it("takes back but once when it was taken back at opening and is lost (scenario 50)",
        function()
            local made = money.delivered(w, { shop = shop })
            money.paid_out(w, shop)
            local object = open(made, { reason = "product_unacceptable" })
            wait_for(made, "OPEN")
            money.settled(w, made)
            close(object, false)
            wait_for(made, "LOST")
            assert.same({ { "DONE", 5400, 5400 } }, money.settled(w, made))
            assert.equal(600, money.ledger(w, "vendor:" .. shop.vendor_id))
        end)

    it("gives the vendor its money when the platform bears what was taken back", function()
        local made = money.delivered(w, { shop = shop })
        money.paid_out(w, shop)
        local object = open(made, { reason = "duplicate" })
        wait_for(made, "OPEN")
        money.settled(w, made)
        close(object, false)
        wait_for(made, "LOST")
        money.paid_out(w, shop)
        assert.equal(0, money.ledger(w, "vendor:" .. shop.vendor_id))
        assert.equal(6000, story.postings(w, made.order.id, "dispute_lost").loss)
    end)

    it("moves no money while it is an inquiry, but holds it (scenario 51)", function()
        local made = money.delivered(w, { shop = shop })
        local object = open(made, { inquiry = true })
        assert.equal(0, wait_for(made, "INQUIRY").fee.amount)
        assert.not_equal("TAKEN", outcome(shop))
        close(object, false)
        wait_for(made, "CLOSED")
        assert.equal(0, w.db:value(("select count(*) from ledger_transactions where order_id = "
            .. "'%s' and kind like 'dispute%%'"):format(made.order.id)))
        money.paid_out(w, shop)
        assert.equal("dispute.inquiry dispute.closed", events(made))
    end)

    it("can grow out of an inquiry", function()
        local made = money.delivered(w, { shop = shop })
        local object = open(made, { inquiry = true })
        wait_for(made, "INQUIRY")
        story.emulator(w, "POST", "/dispute/" .. object.id .. "/escalate", {})
        wait_for(made, "OPEN")
        close(object, false)
        wait_for(made, "LOST")
    end)

    it("refuses refunds while it is open, and of what is lost (scenario 43)", function()
        local made = money.delivered(w, { shop = shop })
        local function refund()
            return w:request("POST", "/api/admin/orders/" .. made.order.id .. "/refunds",
                w:admin(), { reason = "spec", amount = { amount = 1, currency = "USD" } })
        end
        local object = open(made)
        wait_for(made, "OPEN")
        assert.same({ 409, "charge_disputed" }, { refund().status, refund().json.code })
        close(object, false)
        wait_for(made, "LOST")
        assert.equal(409, refund().status)
        assert.equal(0, story.count(w, "refund", made.order.id))
    end)

    it("undoes a refund that Stripe refuses because of it (scenario 43)", function()
        local made = money.delivered(w, { shop = shop })
        story.emulator(w, "POST", "/webhooks", { drop = true })
        local object = open(made)
        money.refund(w, made, { amount = 1000 })
        shell.wait_until("the refund is undone", 30, function()
            return story.count(w, "refund_failed", made.order.id) == 1
        end)
        story.emulator(w, "POST", "/webhooks", { drop = false })
        close(object, true)
        wait_for(made, "WON")
        assert.equal(202, w:request("POST", "/api/admin/orders/" .. made.order.id .. "/refunds",
            w:admin(), { reason = "spec" }).status)
    end)

    it("falls on the vendors by what partial refunds have left", function()
        local made = story.paid_by_two(w)
        money.refund(w, made, { amount = 3000, vendorOrderId = story.part(w, made, made.a).id })
        shell.wait_until("the refund", 30, function()
            return money.stripe_balance(w) == money.ledger(w, "stripe")
        end)
        close(open(made, { reason = "product_not_received" }), false)
        assert.equal(7000, wait_for(made, "LOST").amount.amount)
        assert.same({ [made.a.vendor_id] = 3000, [made.b.vendor_id] = 4000, dispute_hold = -7000 },
            story.postings(w, made.order.id, "dispute_lost"))
    end)

    it("can be of a part of a charge, and be followed by another", function()
        local made = story.paid_by_two(w)
        close(open(made, { amount = 2000 }), true)
        wait_for(made, "WON")
        close(open(made, { amount = 1000, reason = "product_not_received" }), false)
        shell.wait_until("the second", 30, function()
            local rows = listed(made)
            return #rows == 2 and rows[1].state == "LOST"
        end)
        assert.same({ [made.a.vendor_id] = 600, [made.b.vendor_id] = 400, dispute_hold = -1000 },
            story.postings(w, made.order.id, "dispute_lost"))
    end)

    -- News ----------------------------------------------------------------------------------------

    local sent = 0

    --- News of a dispute as Stripe would send it. The answer's status.
    local function tell(kind, object)
        sent = sent + 1
        local body = client.json.encode({
            id = "evt_dispute_" .. sent, object = "event", type = "charge.dispute." .. kind,
            created = os.time(), livemode = false, api_version = "2023-08-16",
            data = { object = object },
        })
        return client.request({
            port = w.port, method = "POST", path = "/api/webhooks/stripe", body = body,
            headers = { ["Stripe-Signature"] = core_stripe.sign(body, emulator.WEBHOOK_SECRET,
                os.time()) },
        }).status, "evt_dispute_" .. sent
    end

    it("asks Stripe when the news is not final, so that old news changes nothing", function()
        local made = money.delivered(w, { shop = shop })
        local object = open(made)
        close(object, false)
        wait_for(made, "LOST")
        for _, kind in ipairs({ "created", "updated", "funds_withdrawn", "closed" }) do
            assert.equal(200, (tell(kind, object)))
        end
        assert.equal("LOST", listed(made)[1].state)
        assert.equal(1, story.count(w, "dispute_lost", made.order.id))
    end)

    it("is applied once though all is told many times at once", function()
        local made = money.delivered(w, { shop = shop })
        story.emulator(w, "POST", "/webhooks", { drop = true })
        local object = open(made)
        local last = close(object, true)
        for _ = 1, 3 do
            assert.equal(200, (tell("closed", last)))
            assert.equal(200, (tell("created", object)))
            assert.equal(200, (tell("funds_reinstated", last)))
        end
        story.emulator(w, "POST", "/webhooks", { drop = false })
        assert.equal("WON", listed(made)[1].state)
        assert.equal(1, story.count(w, "dispute_opened", made.order.id))
        assert.equal(1, story.count(w, "dispute_won", made.order.id))
    end)

    it("is put aside with a remark when it is of no payment of ours, or of other money", function()
        local made = money.delivered(w, { shop = shop })
        local object = close(open(made), false)
        wait_for(made, "LOST")
        local function remark(changes)
            local other = client.json.decode(client.json.encode(object))
            for name, value in pairs(changes) do
                other[name] = value
            end
            local status, id = tell("closed", other)
            assert.equal(200, status)
            return w.db:value("select state || ': ' || problem from stripe_events where id = '"
                .. id .. "'")
        end
        assert.equal("IGNORED: no payment of ours",
            remark({ id = "dp_x", charge = "ch_x", payment_intent = "pi_x" }))
        assert.equal("IGNORED: does not match the payment that it is of",
            remark({ id = "dp_x", currency = "eur" }))
        assert.equal("IGNORED: does not match the payment that it is of",
            remark({ id = "dp_x", livemode = true }))
        assert.equal(1, #listed(made))
    end)

    it("settles the payment first when that has not been told of", function()
        local made = story.ordered(w, { shop = shop })
        made.payment = w:payment(made.buyer, made.order)
        story.emulator(w, "POST", "/webhooks", { drop = true })
        w:present(made.payment, "pm_card_createDispute")
        local id = made.payment.clientSecret:match("^(pi_%w+)_secret")
        local list = emulator.call(w.stripe, "GET", "/v1/disputes?payment_intent=" .. id).json
        assert.equal(200, (tell("created", list.data[1])))
        story.emulator(w, "POST", "/webhooks", { drop = false })
        assert.equal("CONFIRMED", story.order(w, made).status)
        assert.equal("OPEN", listed(made)[1].state)
    end)

    it("is asked about when nobody brings news of its end", function()
        local made = money.delivered(w, { shop = shop })
        local object = open(made)
        wait_for(made, "OPEN")
        story.emulator(w, "POST", "/webhooks", { drop = true })
        close(object, true)
        story.emulator(w, "POST", "/webhooks", { drop = false })
        shell.wait_until("dispute WON", 90, function()
            w.db:query("update disputes set updated_at = now() - interval '2 hours' "
                .. "where updated_at > now() - interval '1 hour'")
            return listed(made)[1].state == "WON"
        end)
    end)
end)
