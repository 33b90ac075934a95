--- What comes at the same moment, or in another order than one would like: webhook and answer,
--- payment and expiry, payment and cancellation, and banks that take days.
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local RACES = 12

describe("a payment", function()
    local w, shop

    setup(function()
        w = world.start({
            set = { ["stripe.resend_after_s"] = 1, ["payment.recheck_after_s"] = 1 },
        })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    after_each(function()
        story.emulator(w, "POST", "/webhooks",
            { release = true, before_response = false, drop = false })
    end)

    local function intent_id(payment)
        return payment.clientSecret:match("^(pi_%w+)_secret")
    end

    local function intent_of(payment)
        return emulator.call(w.stripe, "GET", "/v1/payment_intents/" .. intent_id(payment)
            .. "?expand[0]=latest_charge").json
    end

    local function sold_once(made)
        assert.equal("CONFIRMED", story.order(w, made).status)
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.same({ 2, 0 }, story.shelf(w, made))
    end

    it("is confirmed once when the webhook is faster than Stripe's answer (scenario 13)", function()
        local made = story.ordered(w, { shop = shop })
        local payment = w:payment(made.buyer, made.order)
        story.emulator(w, "POST", "/webhooks", { before_response = true })
        local answer = emulator.call(w.stripe, "POST",
            "/v1/payment_intents/" .. intent_id(payment) .. "/confirm",
            "payment_method=pm_card_visa&return_url=http%3A%2F%2Flocalhost%2F")
        assert.equal("succeeded", answer.json.status)
        sold_once(made)
        assert.equal(200, w:confirm(made.buyer, made.order, payment).status)
        sold_once(made)
    end)

    it("is confirmed once when the webhook comes long after the answer (scenario 14)", function()
        local made = story.ordered(w, { shop = shop })
        story.emulator(w, "POST", "/webhooks", { hold = true })
        assert.equal(200, w:pay(made.buyer, made.order).status)
        sold_once(made)
        local before = w.db:value("select count(*) from stripe_events")
        story.emulator(w, "POST", "/webhooks", { shuffle = true, seed = 14, release = true })
        shell.wait_until("the held events", 20, function()
            return #story.emulator(w, "GET", "/webhooks").waiting == 0
        end)
        assert.is_true(w.db:value("select count(*) from stripe_events") > before)
        assert.equal(0, w.db:value("select count(*) from stripe_events where state = 'NEW'"))
        sold_once(made)
    end)

    it("waits for a bank debit for days, and becomes a sale then (scenario 57)", function()
        local made = story.ordered(w, { shop = shop })
        local waiting, payment = w:pay(made.buyer, made.order, "pm_usBankAccount_success")
        assert.same({ 202, "PROCESSING" }, { waiting.status, waiting.json.payment.status })
        w.db:query("update orders set expires_at = now() where id = '" .. made.order.id .. "'")
        local function questions()
            return #story.asked(w, "GET", "/v1/payment_intents/" .. intent_id(payment))
        end
        local before = questions()
        shell.wait_until("the expiry's question", 20, function()
            return questions() > before + 1
        end)
        assert.equal("PENDING", story.order(w, made).status)
        assert.same({ 3, 1 }, story.shelf(w, made))
        story.emulator(w, "POST", "/clock", { advance = 5 * 86400 })
        story.wait_for(w, made, "CONFIRMED")
        sold_once(made)
    end)

    it("gives its goods back when a bank debit fails days later (scenario 57)", function()
        local made = story.ordered(w, { shop = shop })
        local waiting = w:pay(made.buyer, made.order, "pm_usBankAccount_insufficientFunds")
        assert.equal(202, waiting.status)
        story.emulator(w, "POST", "/clock", { advance = 5 * 86400 })
        shell.wait_until("the failure", 20, function()
            return story.order(w, made).payment.status == "CREATED"
        end)
        assert.same({ "PENDING", 0 },
            { story.order(w, made).status, story.count(w, "paid", made.order.id) })
        assert.equal(200, w:pay(made.buyer, made.order).status)
        sold_once(made)
    end)

    --- Each order with a payment that its buyer has begun.
    local function begun()
        local all = {}
        for i = 1, RACES do
            all[i] = story.ordered(w, { shop = shop })
            all[i].payment = w:payment(all[i].buyer, all[i].order)
        end
        return all
    end

    --- Sends the cards and, for every order, something else at the same time.
    local function race(all, other)
        local entries = {}
        for i, made in ipairs(all) do
            local function pay()
                made.card = w:present(made.payment)
            end
            local function rival()
                made.rival = other(made)
            end
            entries[2 * i - 1] = i % 2 == 0 and pay or rival
            entries[2 * i] = i % 2 == 0 and rival or pay
        end
        client.parallel(entries)
    end

    local function is_settled(made)
        local order = story.order(w, made)
        return order.status ~= "PENDING" and order
    end

    --- Money and goods agree: paid and sold, or paid and refunded, or neither.
    local function assert_agree(made)
        local order = shell.wait_until("an end", 30, function()
            return is_settled(made)
        end)
        if order.status == "CONFIRMED" then
            assert.equal("succeeded", intent_of(made.payment).status)
            assert.same({ 2, 0 }, story.shelf(w, made))
            return "sold"
        end
        assert.same({ 3, 0 }, story.shelf(w, made))
        local intent = intent_of(made.payment)
        if intent.status == "canceled" then
            assert.is_true(made.card.status >= 400)
            assert.equal(0, story.count(w, "paid", made.order.id))
            return "given up"
        end
        shell.wait_until("the refund", 30, function()
            return intent_of(made.payment).latest_charge.amount_refunded == 6000
        end)
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.equal(1, story.count(w, "refund", made.order.id))
        return "refunded"
    end

    it("that comes while its order expires is a sale, or was never taken (scenario 53)", function()
        local all, ends = begun(), {}
        race(all, function(made)
            w.db:query("update orders set expires_at = now() where id = '" .. made.order.id .. "'")
        end)
        for _, made in ipairs(all) do
            local outcome = assert_agree(made)
            ends[outcome] = (ends[outcome] or 0) + 1
            if made.card.status == 200 then
                assert.equal("sold", outcome)
            end
        end
        assert.is_nil(ends.refunded)
    end)

    it("that comes while its order is cancelled is refunded, or was never taken (scenario 54)",
        function()
            local all = begun()
            race(all, function(made)
                return w:request("POST", "/api/orders/" .. made.order.id .. "/cancel", made.buyer,
                    {})
            end)
            for _, made in ipairs(all) do
                assert.equal(200, made.rival.status, made.rival.body)
                assert.is_true(assert_agree(made) ~= "sold")
                assert.equal("CANCELLED", story.order(w, made).status)
            end
        end)
end)
