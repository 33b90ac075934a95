local cards = require("stripe_emulator.money.cards")

describe("The test cards of the payment page", function()
    for _, choice in ipairs(cards.CHOICES) do
        it(choice.token .. " is known and " .. choice.effect, function()
            local method = cards.find(choice.token)
            local is_accepted = choice.effect == "is accepted"
            local asks = choice.effect == "asks for 3D Secure"
            local expected = is_accepted and "succeeds" or asks and "needs_action" or "declines"
            assert.equal(expected, method.outcome)
        end)
    end
end)
