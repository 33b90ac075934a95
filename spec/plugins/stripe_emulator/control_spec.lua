local support = require("spec.plugins.stripe_emulator.support")

describe("The controls", function()
    local world
    before_each(function()
        world = support.world()
    end)

    it("move the clock forward only, by whole seconds", function()
        assert.equal(support.NOW_S + 60, world:control("clock", { advance = 60 }).body.now)
        assert.equal(support.NOW_S + 60, world:visit("GET", "/_emu/clock").body.now)
        for _, wrong in ipairs({ -1, 0.5, "soon" }) do
            assert.equal(400, world:control("clock", { advance = wrong }).status)
        end
        assert.equal(400, world:control("clock").status)
    end)

    it("take the query in place of a body", function()
        assert.equal(support.NOW_S + 60, world:visit("POST", "/_emu/clock?advance=60").body.now)
    end)

    it("refuse a body that is no JSON object", function()
        for _, body in ipairs({ "advance=60", "7", '"x"', "{" }) do
            assert.equal(400, world:visit("POST", "/_emu/clock", body).status)
        end
    end)

    it("reset everything, the configured endpoints excepted", function()
        world:paid()
        world:control("clock", { advance = 60 })
        world:control("faults", { kind = "error_before" })
        world:control("webhooks", { hold = true })
        world:control("reset")
        assert.same({}, world:get("/v1/payment_intents").body.data)
        assert.equal(support.NOW_S, world:visit("GET", "/_emu/clock").body.now)
        assert.equal(2, #world:get("/v1/webhook_endpoints").body.data)
        assert.is_false(world:visit("GET", "/_emu/webhooks").body.hold)
    end)

    it("complete no action that is not asked for", function()
        local intent = world:intent()
        local answer = world:visit("POST", "/_emu/complete_action/" .. intent.id .. "?ok=1")
        assert.same({ 400, "payment_intent_unexpected_state" }, { answer.status,
            answer.body.error.code })
        assert.equal(404, world:visit("POST", "/_emu/complete_action/pi_x?ok=1").status)
    end)
end)
