local support = require("spec.plugins.stripe_emulator.support")

local BODY = "amount=1000&currency=usd"

describe("A fault", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function create(key)
        return world:post("/v1/payment_intents", BODY, { ["Idempotency-Key"] = key })
    end

    local function made()
        return #world:get("/v1/payment_intents").body.data
    end

    local cases = {
        { "error_before", 500, 0 }, { "drop_before", 0, 0 }, { "html_502", 502, 0 },
        { "rate_limit", 429, 0 }, { "lock_timeout", 429, 0 }, { "conflict", 409, 0 },
        { "slow", 200, 1 }, { "error_after", 500, 1 }, { "drop_after", 0, 1 },
        { "reset_idle", -1, 0 }, { "reset_after", -1, 1 }, { "hang", 0, 1 },
        { "truncate", 200, 1 }, { "tamper", 200, 1 },
    }
    for _, case in ipairs(cases) do
        local kind, status, executed = unpack(case)
        it(("%s answers %d and %s"):format(kind, status, executed == 1 and "executes"
            or "does not execute"), function()
            world:control("faults", { kind = kind, method = "POST", set = { amount = 1 } })
            assert.equal(status, create("k").status)
            assert.equal(executed, made())
            local entry = world:visit("GET", "/_emu/journal?fault=" .. kind).body.data[1]
            assert.equal(executed == 1, entry.executed)
        end)
    end

    it("hits once and then no more, unless told", function()
        world:control("faults", { kind = "error_before", times = 2 })
        assert.same({ 500, 500, 200 }, { create("a").status, create("b").status,
            create("c").status })
    end)

    it("hits the n-th match", function()
        world:control("faults", { kind = "error_before", nth = 3, path = "/v1/payment_intents" })
        assert.same({ 200, 200, 500 }, { create("a").status, create("b").status,
            create("c").status })
    end)

    it("hits its method and path only", function()
        world:control("faults", { kind = "error_before", method = "POST",
            path = "/v1/payment_intents/*/confirm" })
        local intent = create("a").body
        assert.equal(200, world:get("/v1/payment_intents/" .. intent.id).status)
        assert.equal(500, world:confirm(intent, "pm_card_visa").status)
        assert.equal(200, world:confirm(intent, "pm_card_visa").status)
    end)

    it("by chance is the same run for the same seed", function()
        local function run(seed)
            world = support.world()
            world:control("faults", { kind = "error_before", chance = 0.5, seed = seed,
                times = 1000 })
            local statuses = {}
            for number = 1, 30 do
                statuses[number] = create("k" .. number).status
            end
            return statuses
        end
        assert.same(run(7), run(7))
        assert.not_same(run(7), run(8))
    end)

    it("after execution leaves the right answer for the same key, but for a 500", function()
        for _, kind in ipairs({ "drop_after", "truncate", "tamper", "hang" }) do
            world = support.world()
            world:control("faults", { kind = kind, path = "/v1/payment_intents",
                set = { amount = 1 } })
            create("k")
            local again = create("k")
            assert.same({ 200, 1000 }, { again.status, again.body.amount })
            assert.equal(1, made())
        end
    end)

    it("tampers with what it was told to", function()
        world:control("faults", { kind = "tamper", set = { amount = 1, currency = "eur" } })
        local body = create("k").body
        assert.same({ 1, "eur" }, { body.amount, body.currency })
    end)

    it("cuts JSON in the middle", function()
        world:control("faults", { kind = "truncate" })
        assert.is_nil(create("k").body)
    end)

    it("of a held lock asks to try again", function()
        world:control("faults", { kind = "lock_timeout" })
        local answer = create("k")
        assert.equal("true", answer.headers["Stripe-Should-Retry"])
        assert.equal("lock_timeout", answer.error.code)
    end)

    it("waits as long as it says", function()
        world:control("faults", { kind = "slow", ms = 1234 })
        create("k")
        assert.same({ 1234 }, world.slept)
    end)

    for _, spec in ipairs({
        { kind = "gremlins" }, { kind = 1 }, {}, { kind = "slow", ms = "x" },
        { kind = "slow", path = 5 }, { kind = "tamper", set = 5 }, { kind = "slow", pth = "/v1" },
    }) do
        it("is refused as " .. require("core.json").encode(spec), function()
            assert.equal(400, world:control("faults", spec).status)
            assert.same({}, world:visit("GET", "/_emu/faults").body.data)
        end)
    end

    it("can be cleared", function()
        world:control("faults", { kind = "error_before" })
        assert.same({}, world:visit("DELETE", "/_emu/faults").body.data)
        assert.equal(200, create("k").status)
    end)
end)
