local support = require("spec.plugins.stripe_emulator.support")
local sender = require("stripe_emulator.webhooks.sender")

describe("The webhook queue", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function sent_types()
        local types = {}
        for position, delivery in ipairs(world.sent) do
            types[position] = delivery.event.type
        end
        return types
    end

    local function waiting()
        return world:visit("GET", "/_emu/webhooks").body.waiting
    end

    it("sends each event once, in order, and forgets it when it is taken", function()
        world:paid()
        sender.run(world.emulator)
        assert.same({ "payment_intent.created", "charge.succeeded", "payment_intent.succeeded" },
            sent_types())
        assert.same({}, waiting())
    end)

    it("counts the endpoints that were not yet reached", function()
        world:intent()
        local function pending()
            return world:get("/v1/events").body.data[1].pending_webhooks
        end
        assert.equal(1, pending())
        sender.run(world.emulator)
        assert.equal(0, pending())
        assert.equal(1, world.sent[1].event.pending_webhooks)
    end)

    for _, refusal in ipairs({ 500, 400, 302, "unreachable" }) do
        it("tries again after " .. refusal .. ", pausing twice as long each time", function()
            world.answers = { refusal, refusal, refusal, 200 }
            world:intent()
            sender.run(world.emulator)
            for _, pause in ipairs({ 1000, 2000, 4000 }) do
                local before = #world.sent
                world.now_ms = world.now_ms + pause - 1
                sender.run(world.emulator)
                assert.equal(before, #world.sent)
                world.now_ms = world.now_ms + 1
                sender.run(world.emulator)
                assert.equal(before + 1, #world.sent)
            end
            assert.same({}, waiting())
            assert.equal(world.sent[1].body, world.sent[4].body)
        end)
    end

    it("gives up after sixteen attempts, and the event stays undelivered", function()
        for attempt = 1, 20 do
            world.answers[attempt] = 500
        end
        world:intent()
        for _ = 1, 20 do
            sender.run(world.emulator)
            world.now_ms = world.now_ms + 3600 * 1000
        end
        assert.equal(16, #world.sent)
        assert.same({}, waiting())
        assert.equal(1, #world:get("/v1/events?delivery_success=false").body.data)
    end)

    it("holds everything until it is released", function()
        world:control("webhooks", { hold = true })
        world:paid()
        sender.run(world.emulator)
        assert.same({}, world.sent)
        assert.equal(3, #waiting())
        world:control("webhooks", { release = true })
        sender.run(world.emulator)
        assert.equal(3, #world.sent)
    end)

    it("shuffles what it holds, the same way for the same seed", function()
        local function run(seed)
            world = support.world()
            world:control("webhooks", { hold = true })
            for _ = 1, 4 do
                world:paid()
            end
            world:control("webhooks", { shuffle = true, seed = seed, release = true })
            sender.run(world.emulator)
            return sent_types()
        end
        local first = run(3)
        assert.equal(12, #first)
        assert.same(first, run(3))
        assert.not_same(first, run(4))
    end)

    it("sends duplicates of one event, and counts it as delivered once", function()
        world:control("webhooks", { duplicate = 5 })
        world:intent()
        sender.run(world.emulator)
        assert.equal(5, #world.sent)
        assert.equal(world.sent[1].event.id, world.sent[5].event.id)
        assert.equal(0, world:get("/v1/events").body.data[1].pending_webhooks)
    end)

    it("counts an endpoint as reached once, however many duplicates it took", function()
        world:post("/v1/webhook_endpoints", "enabled_events[]=*&url=http%3A%2F%2Flocalhost%2F2")
        world:control("webhooks", { duplicate = 3 })
        world.answers = { 200, 200, 200, 500 }
        world:intent()
        sender.run(world.emulator)
        assert.equal(1, world:get("/v1/events").body.data[1].pending_webhooks)
    end)

    it("drops the next events, of all or of some types", function()
        world:control("webhooks", { drop = 1, types = { "payment_intent.succeeded" } })
        world:paid()
        world:paid()
        sender.run(world.emulator)
        local succeeded = 0
        for _, kind in ipairs(sent_types()) do
            succeeded = succeeded + (kind == "payment_intent.succeeded" and 1 or 0)
        end
        assert.same({ 5, 1 }, { #world.sent, succeeded })
        assert.equal(1, #world:get("/v1/events?delivery_success=false").body.data)
    end)

    it("sends an old event again", function()
        world:intent()
        sender.run(world.emulator)
        local id = world.sent[1].event.id
        world:control("webhooks", { resend = id })
        sender.run(world.emulator)
        assert.equal(id, world.sent[2].event.id)
        assert.equal(404, world:control("webhooks", { resend = "evt_x" }).status)
    end)

    it("sends before the answer when told", function()
        world:intent()
        assert.equal(0, #world.sent)
        world:control("webhooks", { before_response = true })
        world:intent()
        assert.equal(2, #world.sent)
    end)

    it("sends nothing without an address or without a secret", function()
        for _, settings in ipairs({ { webhook_url = "" }, { webhook_secrets = {} } }) do
            world = support.world(settings)
            world:paid()
            sender.run(world.emulator)
            assert.same({}, world.sent)
        end
    end)
end)
