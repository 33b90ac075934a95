--- What answers of Stripe mean to a client who waits.
local world = require("spec.support.world")
local story = require("spec.lua.story")

local PI = "/v1/payment_intents"

describe("flows.stripe_api", function()
    local w, made

    setup(function()
        w = world.start({ is_without_webhooks = true, set = {
            ["stripe.resend_after_s"] = 60, ["http.request_timeout_ms"] = 8000,
        } })
        made = story.ordered(w)
    end)

    teardown(function()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
    end)

    local function attempts_of(method, path, action)
        local before = #story.asked(w, method, path)
        local answer = action()
        return #story.asked(w, method, path) - before, answer
    end

    local function start()
        return w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
    end

    it("tries three times, and answers 503 with Retry-After", function()
        story.fault(w, { kind = "error_before", path = PI, times = 10 })
        local count, answer = attempts_of("POST", PI, start)
        assert.same({ 3, 503 }, { count, answer.status })
        assert.truthy(answer.headers["retry-after"])
    end)

    it("does not press a Stripe that limits our rate", function()
        story.fault(w, { kind = "rate_limit", path = PI, times = 10 })
        local count, answer = attempts_of("POST", PI, start)
        assert.same({ 1, 503 }, { count, answer.status })
    end)

    it("gives up a call that hangs before its client does", function()
        assert.equal(201, start().status)
        story.fault(w, { kind = "slow", method = "GET", path = PI .. "/*", times = 10, ms = 30000 })
        local answer = start()
        assert.same({ 503, "payment_provider_unavailable" }, { answer.status, answer.json.code })
    end)

    it("never says what it was about to a client or a log", function()
        assert.is_nil(w.server:log():find("sk_test_", 1, true))
        assert.is_nil(w.server:log():find("Authorization", 1, true))
    end)
end)

describe("a server without a key", function()
    it("answers 503 to a payment, and keeps the order", function()
        local w = world.start({ set = { ["stripe.secret_key"] = "" } })
        local made = story.ordered(w)
        assert.equal(503, w:request("POST", "/api/orders/" .. made.order.id .. "/payment",
            made.buyer, { method = "CARD" }).status)
        assert.equal("PENDING", story.order(w, made).status)
        w:stop()
    end)
end)
