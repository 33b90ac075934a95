local registry = require("stripe_emulator.wire.registry")

describe("The registry of operations", function()
    local known = registry.new()

    local cases = {
        { "GET", "/v1/payment_intents", "GetPaymentIntents" },
        { "POST", "/v1/payment_intents", "PostPaymentIntents" },
        { "POST", "/v1/payment_intents/pi_1", "PostPaymentIntentsIntent" },
        { "POST", "/v1/payment_intents/pi_1/confirm", "PostPaymentIntentsIntentConfirm" },
        { "DELETE", "/v1/webhook_endpoints/we_1", "DeleteWebhookEndpointsWebhookEndpoint" },
        { "PUT", "/v1/payment_intents" },
        { "GET", "/v1/payment_intents/pi_1/confirm" },
        { "GET", "/v1/payment_intents/pi_1/confirm/x" },
        { "GET", "/v1" },
        { "GET", "/" },
    }
    for _, case in ipairs(cases) do
        it(("knows %s %s as %s"):format(case[1], case[2], case[3] or "nothing"), function()
            local operation = registry.match(known, case[1], case[2])
            assert.equal(case[3], operation and operation.id)
        end)
    end

    it("gives the ids in the path", function()
        local _, ids = registry.match(known, "POST", "/v1/payment_intents/pi_1/cancel")
        assert.same({ intent = "pi_1" }, ids)
    end)

    it("has each operation once, with all it needs", function()
        local seen = {}
        for _, entry in ipairs(known.operations) do
            local operation = entry.operation
            assert.is_nil(seen[operation.id])
            seen[operation.id] = true
            assert.is_table(operation.params)
            assert.is_string(operation.returns)
            assert.is_function(operation.run)
        end
    end)
end)
