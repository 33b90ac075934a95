--- Stripe away, silent or late: the order stays open, nobody pays twice.
local client = require("spec.support.client")
local clock = require("core.clock")
local cluster = require("spec.core.db.cluster")
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("while Stripe is away", function()
    local w, shop

    local function ordered()
        local buyer, lamp = w:buyer(), w:product(shop, { price = 2500, stock = 2 })
        w:add(buyer, lamp)
        return { buyer = buyer, lamp = lamp, order = w:checkout(buyer) }
    end

    local function ask_for_payment(sold)
        return w:request("POST", "/api/orders/" .. sold.order.id .. "/payment", sold.buyer,
            { method = "CARD" })
    end

    local function status_of(sold)
        return w:expect(200, "GET", "/api/orders/" .. sold.order.id, sold.buyer).status
    end

    local function intents()
        local answer = emulator.call(w.stripe, "GET", "/v1/payment_intents?limit=100")
        return #answer.json.data
    end

    --- Each worker has a breaker of its own: what one can do another may not yet. Who was refused
    -- as it confirmed may find that Stripe's event was faster than the next try.
    local function pay_when_it_can_be(sold)
        shell.wait_until("a paid order", 20, function()
            pcall(w.pay, w, sold.buyer, sold.order)
            return status_of(sold) == "CONFIRMED"
        end)
    end

    setup(function()
        w = world.start({ set = { ["stripe.timeout_ms"] = 1000 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("answers 503, keeps the order PENDING, and can be paid when it is back", function()
        local sold = ordered()
        w.stripe:stop()
        local refused = ask_for_payment(sold)
        assert.equal(503, refused.status, refused.body)
        assert.is_truthy(refused.headers["retry-after"])
        assert.equal("PENDING", status_of(sold))
        w.stripe:restart()
        pay_when_it_can_be(sold)
        assert.equal("CONFIRMED", status_of(sold))
    end)

    it("makes one PaymentIntent of tries that were not answered (scenario 20)", function()
        local sold = ordered()
        local before = intents()
        w.stripe:signal("STOP")
        local unanswered = ask_for_payment(sold)
        assert.equal(503, unanswered.status, unanswered.body)
        w.stripe:signal("CONT")
        pay_when_it_can_be(sold)
        assert.equal(before + 1, intents())
    end)

    it("takes a confirmation that came while nobody could ask", function()
        local sold, payment = ordered(), nil
        shell.wait_until("a payment", 20, function()
            local answer = ask_for_payment(sold)
            payment = answer.json
            return answer.status == 201
        end)
        w:present(payment)
        w.stripe:signal("STOP")
        local asked = w:confirm(sold.buyer, sold.order, payment)
        assert.is_true(asked.status == 200 or asked.status == 503, asked.body)
        w.stripe:signal("CONT")
        shell.wait_until("the confirmation", 20, function()
            return w:confirm(sold.buyer, sold.order, payment).status == 200
        end)
        local stock, reserved = w:stock(shop, sold.lamp)
        assert.same({ 1, 0 }, { stock, reserved })
    end)
end)

describe("a Stripe that fails", function()
    local w, shop

    setup(function()
        w = world.start({ set = {
            ["http.workers"] = 1, ["stripe.breaker_open_s"] = 3, ["stripe.resend_after_s"] = 1,
        } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function start(made)
        return w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
    end

    local function gauge(name)
        local text = client.request({ port = w.server.metrics_port, path = "/metrics" }).body
        return tonumber(text:match("\n" .. name .. " (%d+)"))
    end

    local function openings()
        return gauge("stripe_breaker_openings") or 0
    end

    it("is left alone, clients are told for how long, and all goes on after it (scenario 25)",
        function()
            local paid = story.paid(w, { shop = shop })
            local made = {}
            for i = 1, 6 do
                made[i] = story.ordered(w, { shop = shop })
            end
            story.fault(w, { kind = "error_before", path = "/v1/**", times = 100000 })
            shell.wait_until("the breaker", 20, function()
                start(made[1])
                return w.server:log():find("stripe.breaker.open", 1, true)
            end)
            shell.wait_until("it is counted", 20, function()
                return openings() > 0
            end)
            local asked, opened = #story.asked(w, "POST", "/v1/"), openings()
            for _, one in ipairs(made) do
                local answer = start(one)
                assert.equal(503, answer.status)
                assert.equal("payment_provider_unavailable", answer.json.code)
                assert.is_true(tonumber(answer.headers["retry-after"]) >= 1)
                assert.is_true(tonumber(answer.headers["retry-after"]) <= 3)
                assert.equal("PENDING", story.order(w, one).status)
            end
            w:expect(200, "POST", "/api/orders/" .. paid.order.id .. "/cancel", paid.buyer,
                { reason = "spec" })
            shell.wait_until("the gauge", 20, function()
                return gauge("stripe_breaker_open") == 1
            end)
            -- Every three seconds it is tried by one call, which opens the breaker anew.
            shell.wait_until("no call but those", 20, function()
                return #story.asked(w, "POST", "/v1/") - asked <= openings() - opened
            end)
            story.emulator(w, "DELETE", "/faults")
            for _, one in ipairs(made) do
                shell.wait_until("a payment", 20, function()
                    return start(one).status == 201
                end)
                assert.equal(200, w:pay(one.buyer, one.order).status)
            end
            shell.wait_until("the refund", 20, function()
                return w.db:value("select status from refunds") == "SUCCEEDED"
            end)
            w.server:logged("stripe.breaker.closed", true)
            shell.wait_until("the gauge", 20, function()
                return gauge("stripe_breaker_open") == 0
            end)
        end)
end)

describe("a Stripe that limits our rate", function()
    local RATE, BURST = 20, 5

    it("loses no order, and is never asked faster than we may (scenario 26)", function()
        local w = world.start({ set = {
            ["stripe.rate_per_s"] = RATE, ["stripe.resend_after_s"] = 1,
        } })
        local shop = w:vendor()
        local made, entries = {}, {}
        for i = 1, 30 do
            made[i] = story.ordered(w, { shop = shop })
        end
        story.fault(w, { kind = "rate_limit", path = "/v1/**", chance = 0.3, seed = 7,
            times = 100000 })
        for i, one in ipairs(made) do
            entries[i] = function()
                shell.wait_until("a payment", 60, function()
                    local answer = w:request("POST", "/api/orders/" .. one.order.id .. "/payment",
                        one.buyer, { method = "CARD" })
                    one.payment = answer.json
                    return answer.status == 201
                end)
                w:present(one.payment)
            end
        end
        local began_ms = clock.now_ms()
        client.parallel(entries)
        for _, one in ipairs(made) do
            story.wait_for(w, one, "CONFIRMED")
            assert.equal(1, story.count(w, "paid", one.order.id))
        end
        local most, limited, count = 0, 0, 0
        for _, entry in ipairs(story.emulator(w, "GET", "/journal").data) do
            count = count + (entry.at_ms >= began_ms and 1 or 0)
            most = math.max(most, count - math.max(0, entry.at_ms - began_ms) * RATE / 1000)
            limited = limited + (entry.status == 429 and 1 or 0)
        end
        assert.is_true(limited >= 10, limited)
        -- Counted from the beginning: a Stripe that is kept from looking takes what came meanwhile
        -- all at once.
        assert.is_true(most <= BURST + 1, most)
        w:assert_invariants()
        w:stop()
    end)
end)

describe("an event while PostgreSQL is away", function()
    it("is answered 5xx, and has its effect when it comes again (scenario 24)", function()
        local pg = cluster.start()
        local w = world.start({
            db = database.migrated(pg.url), set = { ["db.wait_max_ms"] = 500 },
        })
        local made = story.ordered(w)
        w:admin()
        local payment = w:payment(made.buyer, made.order)
        pg:down("immediate")
        w:present(payment)
        shell.wait_until("an event that was refused", 20, function()
            return w.server:log():find('"webhooks.stripe"[^\n]-"status":50', 1)
        end)
        pg:up()
        shell.wait_until("the sale", 30, function()
            local answer = w:request("GET", "/api/orders/" .. made.order.id, made.buyer)
            return answer.status == 200 and answer.json.status == "CONFIRMED"
        end)
        shell.wait_until("every worker", 30, function()
            return w.server:answers_all()
        end)
        assert.equal(1, story.count(w, "paid", made.order.id))
        w:assert_invariants()
        w:stop()
        pg:remove()
    end)
end)
