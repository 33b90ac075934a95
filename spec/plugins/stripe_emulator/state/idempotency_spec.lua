local support = require("spec.plugins.stripe_emulator.support")

local BODY = "amount=1000&currency=usd&metadata[a]=1&metadata[b]=2"

describe("An Idempotency-Key", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function create(body, key, path)
        return world:post(path or "/v1/payment_intents", body, { ["Idempotency-Key"] = key })
    end

    local function count()
        return #world:get("/v1/payment_intents?limit=100").body.data
    end

    it("replays the first answer byte for byte and says so", function()
        local first, second = create(BODY, "k"), create(BODY, "k")
        assert.equal(first.text, second.text)
        assert.is_nil(first.headers["Idempotent-Replayed"])
        assert.equal("true", second.headers["Idempotent-Replayed"])
        assert.equal(first.headers["Request-Id"], second.headers["Original-Request"])
        assert.equal("k", second.headers["Idempotency-Key"])
        assert.equal(1, count())
    end)

    it("stands for parameters, not for the order of their bytes", function()
        local first = create(BODY, "k")
        assert.equal(first.text, create("metadata[b]=2&currency=usd&metadata[a]=1&amount=1000",
            "k").text)
    end)

    it("refuses other parameters", function()
        create(BODY, "k")
        local answer = create(BODY .. "&description=x", "k")
        assert.equal(400, answer.status)
        assert.equal("idempotency_error", answer.error.type)
        assert.equal(1, count())
    end)

    it("refuses another path", function()
        local intent = create(BODY, "k").body
        local answer = create("", "k", "/v1/payment_intents/" .. intent.id .. "/cancel")
        assert.equal("idempotency_error", answer.error.type)
        assert.matches("'/v1/payment_intents'", answer.error.message)
    end)

    it("does not confuse a value with its neighbour", function()
        create("amount=1000&currency=usd&metadata[a]=1:x", "k")
        local answer = create("amount=1000&currency=usd&metadata[a]=1&metadata[x]=", "k")
        assert.equal("idempotency_error", answer.error.type)
    end)

    it("remembers a decline, even when the card would pass now", function()
        local intent = world:intent()
        local path = "/v1/payment_intents/" .. intent.id .. "/confirm"
        local first = create("payment_method=pm_card_chargeDeclined", "k", path)
        assert.equal(402, first.status)
        local again = create("payment_method=pm_card_chargeDeclined", "k", path)
        assert.equal(402, again.status)
        assert.equal("true", again.headers["Idempotent-Replayed"])
        assert.equal(1, #world:get("/v1/charges").body.data)
    end)

    it("remembers an injected 500 after execution", function()
        world:control("faults", { kind = "error_after", method = "POST",
            path = "/v1/payment_intents" })
        assert.equal(500, create(BODY, "k").status)
        local again = create(BODY, "k")
        assert.equal(500, again.status)
        assert.equal("true", again.headers["Idempotent-Replayed"])
        assert.equal(1, count())
    end)

    it("remembers a 404 of execution", function()
        assert.equal(404, create("", "k", "/v1/payment_intents/pi_x/cancel").status)
        local again = create("", "k", "/v1/payment_intents/pi_x/cancel")
        assert.equal("true", again.headers["Idempotent-Replayed"])
    end)

    local forgotten = {
        { "a validation failure", function()
            return create("amount=1&currency=usd", "k")
        end, 400 },
        { "a missing key of the account", function()
            return world:post("/v1/payment_intents", BODY, { ["Idempotency-Key"] = "k",
                Authorization = false })
        end, 401 },
        { "a rate limit", function()
            world:control("faults", { kind = "rate_limit" })
            return create(BODY, "k")
        end, 429 },
        { "a conflict", function()
            world:control("faults", { kind = "conflict" })
            return create(BODY, "k")
        end, 409 },
        { "a 500 before execution", function()
            world:control("faults", { kind = "error_before" })
            return create(BODY, "k")
        end, 500 },
    }
    for _, case in ipairs(forgotten) do
        it("forgets " .. case[1], function()
            assert.equal(case[3], case[2]().status)
            local answer = create(BODY .. "&description=other", "k")
            assert.equal(200, answer.status)
            assert.is_nil(answer.headers["Idempotent-Replayed"])
        end)
    end

    it("is 409 while the first request still runs", function()
        local meanwhile
        world:control("faults", { kind = "slow", ms = 700, path = "/v1/payment_intents" })
        world.on_sleep = function()
            world.on_sleep = nil
            meanwhile = create(BODY, "k")
        end
        assert.equal(200, create(BODY, "k").status)
        assert.same({ 700 }, world.slept)
        assert.equal(409, meanwhile.status)
        assert.equal("idempotency_key_in_use", meanwhile.error.code)
        assert.equal(1, count())
    end)

    it("is good for 24 hours of the virtual clock, then means a new request", function()
        local first = create(BODY, "k").body
        world:control("clock", { advance = 24 * 3600 - 1 })
        assert.equal(first.id, create(BODY, "k").body.id)
        world:control("clock", { advance = 1 })
        assert.not_equal(first.id, create(BODY, "k").body.id)
    end)

    it("leaves no trace once it has expired", function()
        local sweep = require("stripe_emulator.state.idempotency").sweep
        create(BODY, "k")
        sweep(world.emulator.idempotency)
        assert.is_table(world.emulator.idempotency.records.k)
        world:control("clock", { advance = 24 * 3600 })
        local renewed = create(BODY, "k").body
        sweep(world.emulator.idempotency)
        assert.equal(renewed.id, create(BODY, "k").body.id)
        world:control("clock", { advance = 24 * 3600 })
        sweep(world.emulator.idempotency)
        assert.same({}, world.emulator.idempotency.records)
    end)

    it("of more than 255 characters is refused", function()
        assert.equal(200, create(BODY, ("k"):rep(255)).status)
        assert.equal(400, create(BODY, ("k"):rep(256)).status)
    end)

    it("means nothing on a GET", function()
        local first = world:get("/v1/payment_intents", { ["Idempotency-Key"] = "k" })
        create(BODY, "other")
        local second = world:get("/v1/payment_intents", { ["Idempotency-Key"] = "k" })
        assert.not_equal(#first.body.data, #second.body.data)
    end)
end)
