local support = require("spec.plugins.stripe_emulator.support")
local json = require("core.json")

describe("POST /v1/payment_intents/{intent}", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function update(intent, body)
        return world:post("/v1/payment_intents/" .. intent.id, body)
    end

    it("merges metadata, drops emptied keys, clears it when unset", function()
        local intent = world:intent("metadata[order_id]=7&metadata[env]=test&metadata[empty]=")
        assert.same({ order_id = "7", env = "test" }, intent.metadata)
        assert.same({ order_id = "7", more = "x" }, update(intent,
            "metadata[env]=&metadata[more]=x").body.metadata)
        assert.same({}, update(intent, "metadata=").body.metadata)
    end)

    it("changes the amount only while nothing was charged", function()
        local intent = world:intent()
        assert.equal(2000, update(intent, "amount=2000").body.amount)
        assert.equal("amount_too_small", update(intent, "amount=49").error.code)
        world:confirm(intent, "pm_card_visa")
        assert.equal("payment_intent_unexpected_state", update(intent, "amount=3000").error.code)
        assert.equal("x", update(intent, "description=x").body.description)
    end)

    it("sets the transfer group once", function()
        local intent = world:intent()
        assert.equal("order_7", update(intent, "transfer_group=order_7").body.transfer_group)
        assert.equal(200, update(intent, "transfer_group=order_7").status)
        assert.equal(400, update(intent, "transfer_group=order_8").status)
    end)

    it("unsets the receipt address", function()
        local intent = world:intent("receipt_email=a@example.com")
        assert.equal(json.null, update(intent, "receipt_email=").body.receipt_email)
    end)

    it("takes a payment method and then waits for confirmation", function()
        assert.equal("requires_confirmation", update(world:intent(),
            "payment_method=pm_card_visa").body.status)
    end)
end)

describe("POST /v1/payment_intents", function()
    local world
    before_each(function()
        world = support.world()
    end)

    it("keeps what souk sends", function()
        local intent = world:intent("transfer_group=order_7&description=Two%20things"
            .. "&receipt_email=a@example.com&automatic_payment_methods[enabled]=true"
            .. "&metadata[order_id]=7")
        assert.same({ "order_7", "Two things", "a@example.com", "7", true }, {
            intent.transfer_group, intent.description, intent.receipt_email,
            intent.metadata.order_id, intent.automatic_payment_methods.enabled,
        })
    end)

    it("takes the currency in any case and charges yen without a fraction", function()
        local answer = world:post("/v1/payment_intents", "amount=50&currency=JPY")
        assert.equal("jpy", answer.body.currency)
        assert.equal("Amount must be at least ¥50 jpy",
            world:post("/v1/payment_intents", "amount=49&currency=jpy").error.message)
    end)

    it("refuses what only makes sense with confirm=true", function()
        for _, more in ipairs({ "return_url=http://localhost/", "off_session=true",
            "error_on_requires_action=true" }) do
            assert.equal(400, world:post("/v1/payment_intents", "amount=1000&currency=usd&"
                .. more).status)
        end
    end)

    it("refuses payment method types beside automatic ones", function()
        local answer = world:post("/v1/payment_intents",
            "amount=1000&currency=usd&payment_method_types[]=card"
            .. "&automatic_payment_methods[enabled]=true")
        assert.equal("payment_method_types", answer.error.param)
    end)

    it("refuses a payment method of a type that was not asked for", function()
        local answer = world:post("/v1/payment_intents",
            "amount=1000&currency=usd&payment_method_types[]=card"
            .. "&payment_method=pm_usBankAccount_success")
        assert.equal("payment_method", answer.error.param)
    end)
end)

describe("GET /v1/payment_intents/{intent}", function()
    it("refuses the client_secret of another intent", function()
        local world = support.world()
        local intent, other = world:intent(), world:intent()
        local path = "/v1/payment_intents/" .. intent.id .. "?client_secret="
        assert.equal(200, world:get(path .. intent.client_secret).status)
        assert.equal(400, world:get(path .. other.client_secret).status)
    end)
end)
