local support = require("spec.plugins.stripe_emulator.support")

describe("An event", function()
    local world
    before_each(function()
        world = support.world()
    end)

    it("keeps the object as it was", function()
        local intent = world:paid()
        local events = world:get("/v1/events?type=payment_intent.created").body.data
        assert.equal(intent.id, events[1].data.object.id)
        assert.equal("requires_payment_method", events[1].data.object.status)
    end)

    it("names the request and the key that caused it, and nothing for the clock", function()
        local answer = world:post("/v1/payment_intents",
            "amount=1000&currency=usd&capture_method=manual"
            .. "&confirm=true&payment_method=pm_card_visa", { ["Idempotency-Key"] = "k" })
        local event = world:get("/v1/events?type=payment_intent.created").body.data[1]
        assert.same({ id = answer.headers["Request-Id"], idempotency_key = "k" }, event.request)
        world:control("clock", { advance = 7 * 24 * 3600 })
        local expired = world:get("/v1/events?type=charge.expired").text
        assert.matches('"request":{"id":null,"idempotency_key":null}', expired, 1, true)
    end)

    it("is retrieved by its id, and 404 when there is none", function()
        world:intent()
        local event = world:get("/v1/events").body.data[1]
        assert.same(event, world:get("/v1/events/" .. event.id).body)
        assert.equal(404, world:get("/v1/events/evt_x").status)
    end)

    local function types_of(query)
        local types = {}
        for _, event in ipairs(world:get("/v1/events?" .. query).body.data) do
            types[#types + 1] = event.type
        end
        return types
    end

    it("is found by type, by types, by a stem, by time", function()
        world:paid()
        assert.same({ "charge.succeeded" }, types_of("type=charge.succeeded"))
        assert.same({ "payment_intent.succeeded", "charge.succeeded" },
            types_of("types[0]=charge.succeeded&types[1]=payment_intent.succeeded"))
        assert.same({ "payment_intent.succeeded", "payment_intent.created" },
            types_of("type=payment_intent.*"))
        assert.equal(3, #types_of("created[gte]=" .. support.NOW_S))
        assert.same({}, types_of("created[gt]=" .. support.NOW_S))
        assert.equal(400, world:get("/v1/events?type=a&types[]=b").status)
    end)

    it("is found by whether it was delivered", function()
        local sender = require("stripe_emulator.webhooks.sender")
        world.answers = { 200, 500 }
        world:paid()
        sender.run(world.emulator)
        assert.same({ "charge.succeeded" }, types_of("delivery_success=false"))
        assert.equal(2, #types_of("delivery_success=true"))
    end)
end)
