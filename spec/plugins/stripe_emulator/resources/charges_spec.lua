local support = require("spec.plugins.stripe_emulator.support")

describe("GET /v1/charges", function()
    it("lists the charges of one intent or of one transfer group", function()
        local world = support.world()
        local paid = world:paid("pm_card_visa", "transfer_group=order_7")
        world:paid()
        local by_intent = world:get("/v1/charges?payment_intent=" .. paid.id).body.data
        local by_group = world:get("/v1/charges?transfer_group=order_7").body.data
        assert.equal(1, #by_intent)
        assert.equal(paid.latest_charge, by_intent[1].id)
        assert.equal(paid.latest_charge, by_group[1].id)
        assert.equal(2, #world:get("/v1/charges").body.data)
    end)

    it("says why a card was declined", function()
        local world = support.world()
        world:confirm(world:intent(), "pm_card_chargeDeclinedInsufficientFunds")
        local charge = world:get("/v1/charges").body.data[1]
        assert.same({ "card_declined", "issuer_declined", "insufficient_funds", false }, {
            charge.failure_code, charge.outcome.type, charge.outcome.reason, charge.paid,
        })
    end)
end)
