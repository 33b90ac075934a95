--- From a charge to the vendors' accounts, with the books as the domain prints them.
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local money = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.payout", function()
    local w

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
        story.emulator(w, "POST", "/webhooks", { hold = false })
    end)

    it("is the worked example from charge to reversal, to the unit (scenario 1)", function()
        local made = story.paid_by_two(w)
        local a, b = made.a.vendor_id, made.b.vendor_id
        w:onboard(made.a)
        w:onboard(made.b)
        money.deliver(w, made, made.a)
        money.deliver(w, made, made.b)
        money.wait_fee(w, made)
        money.paid_out(w, made.a)
        money.paid_out(w, made.b)
        money.refund(w, made, { vendorOrderId = story.part(w, made, made.b).id })
        assert.same({ { "DONE", 3600, 3600 } }, money.settled(w, made))
        assert.same({ stripe = 10000, [a] = -5400, [b] = -3600, platform_fee = -1000 },
            story.postings(w, made.order.id, "paid"))
        assert.same({ stripe_fee = 320, stripe = -320 },
            story.postings(w, made.order.id, "stripe_fee"))
        assert.same({ [a] = 5400, [b] = 3600, stripe = -9000 },
            story.postings(w, made.order.id, "transfer"))
        assert.same({ platform_fee = 400, [b] = 3600, stripe = -4000 },
            story.postings(w, made.order.id, "refund"))
        assert.same({ stripe = 3600, [b] = -3600 },
            story.postings(w, made.order.id, "reversal"))
        assert.same({ 0, 0 },
            { money.ledger(w, "vendor:" .. a), money.ledger(w, "vendor:" .. b) })
        assert.same({ 0, 0, 5400, 0 }, money.balance(w, made.a))
        assert.same({ 0, 0, 0, 0 }, money.balance(w, made.b))
        shell.wait_until("the refund", 30, function()
            return story.order(w, made).payment.status == "PARTIALLY_REFUNDED"
                and money.stripe_balance(w) == money.ledger(w, "stripe")
        end)
    end)

    it("sends one transfer a part, out of its charge, in the order's group", function()
        local made = story.paid_by_two(w)
        w:onboard(made.a)
        money.deliver(w, made, made.a)
        local payout = money.paid_out(w, made.a)
        assert.same({ 1, 5400 }, { #payout.transfers, payout.transfers[1].amount.amount })
        local object = client.json.decode(emulator.call(w.stripe, "GET",
            "/v1/transfers/" .. payout.transfers[1].providerTransferId).body)
        assert.same({ 5400, "usd", "order_" .. made.order.id, payout.transfers[1].id }, {
            object.amount, object.currency, object.transfer_group, object.metadata.transfer_id,
        })
        assert.truthy(object.source_transaction:find("^ch_"))
    end)

    it("waits for a capability that was lost, and goes on when it is back (scenario 45)",
        function()
            local shop = w:vendor()
            local account = w:onboard(shop)
            local made = money.delivered(w, { shop = shop })
            w:onboard(shop, { transfers = "inactive", disabled_reason = "requirements.past_due" })
            assert.equal("HINDERED", money.run(w, shop)[1].outcome)
            local open = money.of(w, shop)[1]
            assert.truthy(open.holdReason:find("requirements.past_due", 1, true))
            assert.equal(5400, open.amount.amount)
            story.emulator(w, "POST", "/onboard/" .. account, { transfers = "active" })
            assert.equal(5400, money.wait(w, shop, "PAID").amount.amount)
            assert.equal(1, story.count(w, "transfer", made.order.id))
        end)

    it("tries again by itself what was refused because of the account (scenario 45)", function()
        local shop = w:vendor()
        local account = w:onboard(shop)
        local made = money.delivered(w, { shop = shop })
        story.emulator(w, "POST", "/webhooks", { hold = true })
        story.emulator(w, "POST", "/onboard/" .. account, { transfers = "inactive" })
        money.run(w, shop)
        local failed = money.wait(w, shop, "FAILED")
        assert.same({ 5400, "FAILED" }, { failed.amount.amount, failed.transfers[1].status })
        story.emulator(w, "POST", "/webhooks", { hold = false })
        shell.wait_until("the loss is known", 30, function()
            return w.db:value("select transfers_capability from stripe_accounts "
                .. "where vendor_id = '" .. shop.vendor_id .. "'") == "inactive"
        end)
        story.emulator(w, "POST", "/onboard/" .. account, { transfers = "active" })
        local paid = money.wait(w, shop, "PAID")
        assert.same({ failed.id, 5400, 2 }, { paid.id, paid.amount.amount, #paid.transfers })
        assert.equal(1, story.count(w, "transfer", made.order.id))
    end)

    it("keeps what a vendor without an account any more has earned (scenario 46)", function()
        local shop = w:vendor()
        local account = w:onboard(shop)
        money.delivered(w, { shop = shop })
        story.emulator(w, "POST", "/deauthorize/" .. account, client.json.decode("{}"))
        shell.wait_until("it is known", 30, function()
            return w.db:value("select status from stripe_accounts where vendor_id = '"
                .. shop.vendor_id .. "'") == "DEAUTHORIZED"
        end)
        assert.equal("HINDERED", money.run(w, shop)[1].outcome)
        assert.same({ "PENDING", 5400, "the vendor has disconnected its Stripe account" }, {
            money.of(w, shop)[1].status, money.of(w, shop)[1].amount.amount,
            money.of(w, shop)[1].holdReason,
        })
    end)

    it("sends nothing twice when its transfers fail on the way (scenario 48)", function()
        local shop = w:vendor()
        w:onboard(shop)
        local made = money.delivered(w, { shop = shop })
        story.fault(w, { kind = "drop_after", method = "POST", path = "/v1/transfers", times = 2 })
        money.run(w, shop)
        money.wait(w, shop, "PAID")
        local executed = 0
        for _, entry in ipairs(story.asked(w, "POST", "/v1/transfers")) do
            if entry.body:find(made.order.id, 1, true) and entry.executed then
                executed = executed + 1
            end
        end
        assert.equal(1, executed)
    end)

    it("adopts a transfer that was made though its answer was a failure (scenario 48)", function()
        local shop = w:vendor()
        w:onboard(shop)
        local made = money.delivered(w, { shop = shop })
        story.fault(w, { kind = "error_after", method = "POST", path = "/v1/transfers" })
        money.run(w, shop)
        money.wait(w, shop, "PAID")
        assert.same({ stripe = -5400, [shop.vendor_id] = 5400 },
            story.postings(w, made.order.id, "transfer"))
    end)

    it("is run once when many ask at the same time", function()
        local shop = w:vendor()
        w:onboard(shop)
        for _ = 1, 3 do
            money.delivered(w, { shop = shop })
        end
        local entries = {}
        for i = 1, 20 do
            entries[i] = w:prepared("POST", "/api/admin/payouts/run", w:admin(),
                { vendorId = shop.vendor_id })
        end
        local taken = 0
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(200, answer.status, answer.body)
            for _, row in ipairs(answer.json.data) do
                taken = taken + (row.outcome == "TAKEN" and 1 or 0)
            end
        end
        assert.equal(1, taken)
        assert.same({ 16200, 3 }, { money.wait(w, shop, "PAID").amount.amount,
            #money.wait(w, shop, "PAID").transfers })
    end)
end)

describe("payouts and the fee policy", function()
    local w

    before_each(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    after_each(function()
        w:assert_invariants()
        w:stop()
    end)

    local function set_fee(bps)
        w.server:stop()
        w.server.set["fee.bps"] = bps
        w.server:restart()
    end

    it("is exact for 20 vendors of 1-cent things, to the last cent (scenario 3)", function()
        set_fee(3333)
        local buyer, shops, fees = w:buyer(), {}, 0
        for i = 1, 20 do
            shops[i] = w:vendor()
            w:add(buyer, w:product(shops[i], { price = 1, stock = 30 }), i)
            w:onboard(shops[i])
            fees = fees + math.floor(i * 3333 / 10000)
        end
        local answer = w:pay(buyer, w:checkout(buyer))
        local made = { buyer = buyer, order = answer.json }
        assert.equal(210, made.order.total.amount)
        for _, shop in ipairs(shops) do
            money.deliver(w, made, shop)
        end
        local outcomes = money.run(w)
        assert.equal(20, #outcomes)
        for _, row in ipairs(outcomes) do
            assert.equal("TAKEN", row.outcome)
        end
        shell.wait_until("all are paid", 60, function()
            return story.count(w, "transfer", made.order.id) == 20
        end)
        local sent = story.postings(w, made.order.id, "transfer")
        assert.equal(fees - 210, sent.stripe)
        for i, shop in ipairs(shops) do
            assert.equal(i - math.floor(i * 3333 / 10000), sent[shop.vendor_id])
        end
        assert.equal(0, w.db:value("select count(*) from ledger_postings "
            .. "where account = 'rounding'"))
    end)

    it("pays by the fee stored with the order, whatever the policy says today (scenario 55)",
        function()
            local shop = w:vendor()
            w:onboard(shop)
            local made = story.paid(w, { shop = shop })
            set_fee(5000)
            money.deliver(w, made)
            assert.equal(5400, money.paid_out(w, shop).amount.amount)
        end)
end)

describe("the timer of payouts", function()
    local w

    setup(function()
        w = world.start({
            set = { ["stripe.resend_after_s"] = 1, ["payout.every_ms"] = 300 },
        })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("pays what is due by itself, and once a day", function()
        shell.keep_off_midnight(60)
        local shop = w:vendor()
        w:onboard(shop)
        money.delivered(w, { shop = shop })
        money.wait(w, shop, "PAID")
        money.delivered(w, { shop = shop })
        shell.run("sleep 1.5")
        assert.same({ "PENDING", "PAID" },
            { money.of(w, shop)[1].status, money.of(w, shop)[2].status })
        w.db:query("update payouts set taken_at = taken_at - interval '1 day'")
        money.wait(w, shop, "PAID")
        shell.wait_until("the next day", 30, function()
            return money.of(w, shop)[1].status == "PAID"
        end)
    end)

    it("makes due what was missed", function()
        local made = story.paid(w)
        local part = story.part(w, made)
        w.db:query(("update vendor_orders set status = 'PROCESSING' where id = '%s'")
            :format(part.id))
        w.db:query(("update vendor_orders set status = 'SHIPPED', shipped_at = now() "
            .. "where id = '%s'"):format(part.id))
        w.db:query(("update vendor_orders set status = 'DELIVERED', delivered_at = now() "
            .. "where id = '%s'"):format(part.id))
        shell.wait_until("it is due", 30, function()
            return money.balance(w, made.shop)[2] == 5400
        end)
    end)
end)
