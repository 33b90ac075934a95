--- A payment under everything that can come between: double clicks, lost answers, Stripe away,
--- wrong news.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local PI = "/v1/payment_intents"

describe("flows.payment", function()
    local w, shop

    setup(function()
        w = world.start({
            is_without_webhooks = true,
            set = { ["stripe.resend_after_s"] = 1, ["payment.recheck_after_s"] = 1 },
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

    local function ordered(options)
        options = options or {}
        options.shop = shop
        return story.ordered(w, options)
    end

    local function start(made)
        return w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
    end

    local function intents_of(made)
        local count = 0
        for _, entry in ipairs(story.asked(w, "POST", PI)) do
            if entry.path == PI and entry.executed
                and (entry.idempotency_key or ""):find(made.order.id, 1, true) then
                count = count + 1
            end
        end
        return count
    end

    it("asks for the order's amount, whatever the client says (scenario 30)", function()
        local made = ordered()
        local odd = w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD", amount = { amount = 1, currency = "USD" } })
        assert.equal(422, odd.status)
        local payment = w:payment(made.buyer, made.order)
        assert.equal(6000, payment.amount.amount)
        local asked = story.asked(w, "POST", PI)
        assert.truthy(asked[#asked].body:find("amount=6000", 1, true))
        assert.truthy(asked[#asked].idempotency_key:find("^v1:%w+:pi:"))
        assert.truthy(asked[#asked].idempotency_key:find(made.order.id .. ":1", 1, true))
    end)

    it("makes one PaymentIntent of ten clicks at once (scenario 11)", function()
        local made = ordered()
        local entries = {}
        for i = 1, 10 do
            entries[i] = w:prepared("POST", "/api/orders/" .. made.order.id .. "/payment",
                made.buyer, { method = "CARD" })
        end
        local secrets, ids = {}, {}
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(201, answer.status, answer.body)
            secrets[answer.json.clientSecret], ids[answer.json.paymentId] = true, true
        end
        assert.is_nil(next(secrets, next(secrets)))
        assert.is_nil(next(ids, next(ids)))
        assert.equal(1, intents_of(made))
    end)

    it("confirms once when fifty ask at once, with one posting (scenario 12)", function()
        local made = ordered()
        local payment = w:payment(made.buyer, made.order)
        w:present(payment)
        local entries = {}
        for i = 1, 50 do
            entries[i] = w:prepared("POST",
                "/api/orders/" .. made.order.id .. "/confirm-payment", made.buyer,
                { paymentId = payment.paymentId })
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(200, answer.status, answer.body)
        end
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.same({ stripe = 6000, platform_fee = -600, [shop.vendor_id] = -5400 },
            story.postings(w, made.order.id, "paid"))
        assert.same({ 2, 0 }, story.shelf(w, made))
    end)

    local declines = {
        { "pm_card_chargeDeclined", "generic_decline" },
        { "pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds" },
        { "pm_card_chargeDeclinedExpiredCard", "expired_card" },
        { "pm_card_chargeDeclinedLostCard", "generic_decline" },
        { "pm_card_chargeDeclinedStolenCard", "generic_decline" },
        { "pm_card_chargeDeclinedFraudulent", "generic_decline" },
        { "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc" },
        { "pm_card_chargeDeclinedProcessingError", "processing_error" },
    }
    for _, case in ipairs(declines) do
        it("tells of " .. case[1] .. " as " .. case[2] .. " (scenario 7)", function()
            local made = ordered()
            local answer = w:pay(made.buyer, made.order, case[1])
            assert.same({ 402, "payment_declined", case[2] },
                { answer.status, answer.json.code, answer.json.details[1].message })
            local shown = answer.body:lower()
            assert.is_nil(shown:find("lost") or shown:find("stolen") or shown:find("fraud"))
            assert.same({ 3, 1 }, story.shelf(w, made))
        end)
    end

    it("goes on with the same PaymentIntent and another card (scenario 6)", function()
        local made = ordered()
        local declined, first = w:pay(made.buyer, made.order, "pm_card_chargeDeclined")
        assert.equal(402, declined.status)
        local answer, second = w:pay(made.buyer, made.order, "pm_card_visa")
        assert.equal("CONFIRMED", answer.json.status)
        assert.equal(first.clientSecret, second.clientSecret)
        assert.equal(1, intents_of(made))
    end)

    it("keeps its goods when 3-D Secure fails, until it expires (scenario 9)", function()
        local made = ordered()
        local waiting, payment = w:pay(made.buyer, made.order, "pm_card_authenticationRequired")
        assert.same({ 202, "REQUIRES_ACTION" }, { waiting.status, waiting.json.payment.status })
        w:authenticate(payment, false)
        assert.equal(402, w:confirm(made.buyer, made.order, payment).status)
        assert.same({ "CREATED", "PENDING" },
            { story.order(w, made).payment.status, story.order(w, made).status })
        assert.same({ 3, 1 }, story.shelf(w, made))
        w.db:query("update orders set expires_at = now() where id = '" .. made.order.id .. "'")
        story.wait_for(w, made, "EXPIRED")
        assert.same({ 3, 0 }, story.shelf(w, made))
    end)

    it("answers 409 when nothing was paid yet", function()
        local made = ordered()
        local payment = w:payment(made.buyer, made.order)
        assert.equal(409, w:confirm(made.buyer, made.order, payment).status)
    end)

    it("sends the same bytes with the same key when an answer was lost", function()
        local made = ordered()
        story.fault(w, { kind = "drop_after", method = "POST", path = PI })
        assert.equal(201, start(made).status)
        local asked = story.asked(w, "POST", PI)
        local last, before = asked[#asked], asked[#asked - 1]
        assert.same({ before.body, before.idempotency_key, true, false },
            { last.body, last.idempotency_key, last.replayed, last.executed })
        assert.equal(1, intents_of(made))
    end)

    it("keeps the order PENDING while Stripe is away, and can be paid later", function()
        local made = ordered()
        story.fault(w, { kind = "error_before", path = PI, times = 20 })
        local away = start(made)
        assert.same({ 503, "payment_provider_unavailable" }, { away.status, away.json.code })
        assert.truthy(away.headers["retry-after"])
        assert.equal("PENDING", story.order(w, made).status)
        story.emulator(w, "DELETE", "/faults")
        local answer = w:pay(made.buyer, made.order)
        assert.equal("CONFIRMED", answer.json.status)
        assert.equal(1, intents_of(made))
    end)

    it("sends by itself what was not answered", function()
        local made = ordered()
        story.fault(w, { kind = "error_before", path = PI, times = 3 })
        assert.equal(503, start(made).status)
        shell.wait_until("the sweep", 30, function()
            return intents_of(made) == 1
        end)
    end)

    it("asks by itself about a payment that nobody brings news of (scenario 15)", function()
        local made = ordered()
        w:present(w:payment(made.buyer, made.order))
        story.wait_for(w, made, "CONFIRMED")
        assert.equal(1, story.count(w, "paid", made.order.id))
    end)

    for field, value in pairs({ amount = 1, currency = "eur", livemode = true }) do
        it("sets a payment apart whose " .. field .. " is not ours (scenario 32)", function()
            local made = ordered()
            local payment = w:payment(made.buyer, made.order)
            -- Before it is paid: the server asks by itself, too.
            story.fault(w, { kind = "tamper", method = "GET", path = PI .. "/*", times = 1000,
                set = { [field] = value } })
            w:present(payment)
            assert.equal(409, w:confirm(made.buyer, made.order, payment).status)
            assert.equal("PENDING", story.order(w, made).status)
            assert.equal(0, story.count(w, "paid", made.order.id))
            assert.equal(1, w.db:value(("select count(*) from payments where id = '%s' "
                .. "and quarantined_at is not null"):format(payment.paymentId)))
        end)
    end

    it("gives nobody a client secret for another amount", function()
        local made = ordered()
        story.fault(w, { kind = "tamper", method = "POST", path = PI, set = { amount = 1 } })
        assert.equal(409, start(made).status)
    end)

    it("does not take another order's payment, nor another buyer's (scenario 31)", function()
        local made, other = ordered(), ordered()
        local payment = w:payment(other.buyer, other.order)
        w:present(payment)
        assert.equal(404, w:confirm(made.buyer, made.order, payment).status)
        assert.equal(404, w:confirm(made.buyer, other.order, payment).status)
        assert.equal(404, w:request("POST", "/api/orders/" .. other.order.id .. "/payment",
            made.buyer, { method = "CARD" }).status)
    end)

    it("is asked for no total above what Stripe takes: checkout refuses it (scenario 5)", function()
        local buyer = w:buyer()
        w:add(buyer, w:product(shop, { price = 100000000 }))
        local refused = w:expect(409, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
        assert.equal("order_not_allowed", refused.code)
    end)

    for _, price in ipairs({ 0, 49 }) do
        it("refuses a total of " .. price .. " before asking Stripe, who would too (scenario 5)",
            function()
                local made = ordered({ price = price })
                local before = #story.asked(w, "POST", PI)
                assert.equal(409, start(made).status)
                assert.equal(before, #story.asked(w, "POST", PI))
            end)
    end

    it("answers 409 for an order that is paid already", function()
        local made = story.paid(w, { shop = shop })
        assert.equal(409, start(made).status)
    end)

    it("keeps client secrets out of the database and the log", function()
        local made = ordered()
        local _, payment = w:pay(made.buyer, made.order, "pm_card_chargeDeclined")
        local secret = payment.clientSecret:match("_secret_(%w+)")
        local dump = shell.must("/usr/lib/postgresql/15/bin/pg_dump --data-only "
            .. shell.quote(w.db.url))
        assert.is_nil(dump:find(secret, 1, true))
        assert.is_nil(w.server:log():find(secret, 1, true))
    end)
end)
