local support = require("spec.plugins.stripe_emulator.support")

describe("expand[]", function()
    local world, intent
    before_each(function()
        world = support.world()
        intent = world:paid()
    end)

    local function get(query)
        return world:get("/v1/payment_intents/" .. intent.id .. query)
    end

    it("replaces an id by its object", function()
        assert.is_string(get("").body.latest_charge)
        assert.equal("charge", get("?expand[]=latest_charge").body.latest_charge.object)
    end)

    it("goes deeper with dots", function()
        local charge = get("?expand[0]=latest_charge.balance_transaction").body.latest_charge
        assert.equal("balance_transaction", charge.balance_transaction.object)
    end)

    it("takes several paths that share a beginning", function()
        local charge = get("?expand[]=latest_charge.balance_transaction"
            .. "&expand[]=latest_charge.payment_intent").body.latest_charge
        assert.equal("balance_transaction", charge.balance_transaction.object)
        assert.equal(intent.id, charge.payment_intent.id)
    end)

    it("works inside lists", function()
        local list = world:get("/v1/payment_intents?expand[]=data.latest_charge").body
        assert.equal("charge", list.data[1].latest_charge.object)
    end)

    it("leaves null and the stored object alone", function()
        local made = world:intent("expand[]=latest_charge")
        assert.equal(require("core.json").null, made.latest_charge)
        get("?expand[]=latest_charge")
        assert.is_string(get("").body.latest_charge)
    end)

    for _, path in ipairs({ "customer.x", "amount", "latest_charge.nothing",
        "latest_charge.payment_intent.latest_charge.payment_intent.latest_charge" }) do
        it("refuses " .. path, function()
            local answer = get("?expand[]=" .. path)
            assert.equal(400, answer.status)
            assert.equal(("This property cannot be expanded (%s)."):format(path),
                answer.error.message)
        end)
    end

    it("that is refused changes nothing", function()
        local other = world:intent()
        assert.equal(400, world:confirm(other, "pm_card_visa", "expand[]=nothing").status)
        assert.equal("requires_payment_method", world:get("/v1/payment_intents/"
            .. other.id).body.status)
    end)
end)
