local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.payments", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.ordered(w)
    end)

    teardown(function()
        w:stop()
    end)

    local function path(action)
        return "/api/orders/" .. made.order.id .. "/" .. action
    end

    it("starts a payment with what a browser needs, the same each time", function()
        local first = w:payment(made.buyer, made.order)
        assert.same({ "CARD", "CREATED", 6000, "USD" },
            { first.method, first.status, first.amount.amount, first.amount.currency })
        assert.truthy(first.clientSecret:find("_secret_", 1, true))
        assert.same(first, w:payment(made.buyer, made.order))
        assert.equal(first.paymentId, story.order(w, made).payment.id)
    end)

    it("answers a key again with the same payment, and refuses it with another body", function()
        local key = { ["Idempotency-Key"] = "pay-1" }
        local first = w:request("POST", path("payment"), made.buyer, { method = "CARD" }, key)
        local again = w:request("POST", path("payment"), made.buyer, { method = "CARD" }, key)
        assert.same({ 201, first.body, "true" },
            { again.status, again.body, again.headers["idempotent-replayed"] })
        assert.is_nil(first.headers["idempotent-replayed"])
        local other = w:request("POST", path("payment"), made.buyer, { method = "UPI" }, key)
        assert.same({ 422, "idempotency_mismatch" }, { other.status, other.json.code })
        assert.equal(0, w.db:value(
            "select count(*) from idempotency_keys where body like '%clientSecret%'"))
    end)

    local bad = {
        { "payment", { method = "CASH" } }, { "payment", {} },
        { "payment", { method = "CARD", amount = 1 } },
        { "confirm-payment", {} }, { "confirm-payment", { paymentId = "pi_1" } },
    }
    for i, case in ipairs(bad) do
        it("refuses bad input " .. i .. " of " .. case[1], function()
            assert.equal(422, w:request("POST", path(case[1]), made.buyer, case[2]).status)
        end)
    end

    it("is for the order's buyer", function()
        for _, action in ipairs({ "payment", "confirm-payment" }) do
            local body = action == "payment" and { method = "CARD" }
                or { paymentId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }
            assert.equal(401, w:request("POST", path(action), nil, body).status)
            assert.equal(403, w:request("POST", path(action), made.shop, body).status)
            assert.equal(404, w:request("POST", path(action), w:buyer(), body).status)
        end
    end)

    it("replays a declined answer to the same key, and asks anew with another", function()
        local payment = w:payment(made.buyer, made.order)
        w:present(payment, "pm_card_chargeDeclined")
        local body = { paymentId = payment.paymentId }
        local key = { ["Idempotency-Key"] = "confirm-1" }
        assert.equal(402, w:request("POST", path("confirm-payment"), made.buyer, body, key).status)
        w:present(payment)
        local again = w:request("POST", path("confirm-payment"), made.buyer, body, key)
        assert.same({ 402, "true" }, { again.status, again.headers["idempotent-replayed"] })
        local other = w:request("POST", path("confirm-payment"), made.buyer, body,
            { ["Idempotency-Key"] = "confirm-2" })
        assert.same({ 200, "CONFIRMED" }, { other.status, other.json.status })
    end)
end)
