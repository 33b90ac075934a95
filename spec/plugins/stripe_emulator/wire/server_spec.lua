local support = require("spec.plugins.stripe_emulator.support")

describe("A request to the emulated API", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local refused_keys = {
        { "no Authorization at all", false },
        { "an empty bearer", "Bearer " },
        { "another test key", "Bearer sk_test_other" },
        { "a live key", "Bearer sk_live_emulator" },
        { "a basic user that is no key", "Basic c2tfdGVzdF9vdGhlcjo=" },
    }
    for _, case in ipairs(refused_keys) do
        it("is 401 in Stripe's shape with " .. case[1], function()
            local answer = world:get("/v1/payment_intents", { Authorization = case[2] })
            assert.equal(401, answer.status)
            assert.equal("invalid_request_error", answer.error.type)
            assert.is_string(answer.error.message)
        end)
    end

    it("never shows the whole of a wrong key", function()
        local answer = world:get("/v1/events", { Authorization = "Bearer "
            .. "sk_test_0123456789abcdefghij" })
        assert.is_nil(answer.text:find("0123456789", 1, true))
    end)

    it("takes the key as user name of basic authentication", function()
        local answer = world:get("/v1/events", { Authorization = "Basic c2tfdGVzdF9lbXVsYXRvcjo=" })
        assert.equal(200, answer.status)
    end)

    it("refuses every key when the configured one is no test key", function()
        world = support.world({ secret_key = "" })
        assert.equal(401, world:get("/v1/events", { Authorization = "Bearer " }).status)
        world = support.world({ secret_key = "sk_live_real" })
        local answer = world:get("/v1/events", { Authorization = "Bearer sk_live_real" })
        assert.equal(401, answer.status)
    end)

    it("echoes Stripe-Version, or names its own", function()
        local asked = world:get("/v1/events", { ["Stripe-Version"] = "2026-10-28.endive" })
        assert.equal("2026-10-28.endive", asked.headers["Stripe-Version"])
        assert.equal("2023-08-16", world:get("/v1/events").headers["Stripe-Version"])
    end)

    it("refuses a version that is none", function()
        local answer = world:get("/v1/events", { ["Stripe-Version"] = "latest" })
        assert.equal(400, answer.status)
        assert.equal("Invalid Stripe API version: latest", answer.error.message)
    end)

    it("carries a Request-Id of its own each time", function()
        local first = world:get("/v1/events").headers["Request-Id"]
        assert.matches("^req_%w+$", first)
        assert.not_equal(first, world:get("/v1/events").headers["Request-Id"])
    end)

    it("is 404 in Stripe's shape on an unknown path or method", function()
        for _, case in ipairs({ { "GET", "/v1/nothing" }, { "DELETE", "/v1/events" } }) do
            local answer = world:call(case[1], case[2])
            assert.equal(404, answer.status)
            assert.matches("^Unrecognized request URL", answer.error.message)
        end
    end)

    it("is refused when a body is JSON", function()
        local answer = world:post("/v1/payment_intents", '{"amount":1}',
            { ["Content-Type"] = "application/json" })
        assert.equal(400, answer.status)
        assert.matches("application/x%-www%-form%-urlencoded", answer.error.message)
    end)

    it("is 404 resource_missing for an id in the path that is nobody's", function()
        local answer = world:get("/v1/payment_intents/pi_x")
        assert.equal(404, answer.status)
        assert.equal("resource_missing", answer.error.code)
        assert.equal("No such payment_intent: 'pi_x'", answer.error.message)
    end)

    it("is 500 in Stripe's shape when the emulator itself is at fault", function()
        world.emulator.log = { error = function() end }
        world.emulator.store.kinds = nil
        local answer = world:get("/v1/events")
        assert.equal(500, answer.status)
        assert.equal("api_error", answer.error.type)
    end)

    it("is in the journal with what became of it", function()
        world:post("/v1/payment_intents", "amount=10000&currency=usd",
            { ["Idempotency-Key"] = "k" })
        world:post("/v1/payment_intents", "amount=10000&currency=usd",
            { ["Idempotency-Key"] = "k" })
        world:post("/v1/payment_intents", "amount=x&currency=usd")
        local entries = world:visit("GET", "/_emu/journal?path=/v1/payment_intents").body.data
        assert.equal(3, #entries)
        assert.same({ true, false, 200 }, { entries[1].executed, entries[1].replayed,
            entries[1].status })
        assert.same({ false, true, 200 }, { entries[2].executed, entries[2].replayed,
            entries[2].status })
        assert.same({ false, false, 400 }, { entries[3].executed, entries[3].replayed,
            entries[3].status })
        assert.equal("k", entries[1].idempotency_key)
        assert.equal("amount=10000&currency=usd", entries[1].body)
    end)
end)
