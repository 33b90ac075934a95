local support = require("spec.plugins.stripe_emulator.support")
local sender = require("stripe_emulator.webhooks.sender")
local stripe = require("core.stripe")

describe("A delivery", function()
    local function delivered(settings)
        local world = support.world(settings)
        world:intent()
        sender.run(world.emulator)
        return world.sent[1], world
    end

    it("is signed so that our receiver accepts it", function()
        local sent = delivered()
        local header = sent.headers["Stripe-Signature"]
        assert.is_nil(stripe.webhook_refusal(sent.body, header, { support.SECRET }, support.NOW_S,
            300))
        assert.is_string(stripe.webhook_refusal(sent.body .. " ", header, { support.SECRET },
            support.NOW_S, 300))
        assert.is_string(stripe.webhook_refusal(sent.body, header, { "whsec_other" },
            support.NOW_S, 300))
    end)

    it("carries one signature for each active secret", function()
        local sent = delivered({ webhook_secrets = { "whsec_new", "whsec_old" } })
        local header = sent.headers["Stripe-Signature"]
        for _, secret in ipairs({ "whsec_new", "whsec_old" }) do
            assert.is_nil(stripe.webhook_refusal(sent.body, header, { secret }, support.NOW_S, 300))
        end
        assert.matches("^t=%d+,v1=%x+,v1=%x+$", header)
    end)

    it("is signed at real time, however far the virtual clock has gone", function()
        local world = support.world()
        world:control("clock", { advance = 86400 })
        world:intent()
        sender.run(world.emulator)
        assert.equal(support.NOW_S,
            tonumber(world.sent[1].headers["Stripe-Signature"]:match("t=(%d+)")))
        assert.equal(support.NOW_S + 86400, world.sent[1].event.created)
    end)

    it("is JSON sent to the configured address", function()
        local sent = delivered()
        assert.equal("http://localhost:3001/api/webhooks/stripe", sent.url)
        assert.equal("application/json; charset=utf-8", sent.headers["Content-Type"])
        assert.equal("event", sent.event.object)
    end)
end)
