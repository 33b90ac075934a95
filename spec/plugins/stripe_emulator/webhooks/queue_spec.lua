local events = require("stripe_emulator.resources.events")
local sender = require("stripe_emulator.webhooks.sender")
local support = require("spec.plugins.stripe_emulator.support")

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

    it("sends duplicates of some types only", function()
        world:control("webhooks", { duplicate = 3, types = { "charge.succeeded" } })
        world:paid()
        sender.run(world.emulator)
        assert.equal(5, #world.sent)
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

    it("holds the events of some types only", function()
        world:control("webhooks", { hold = true, types = { "payment_intent.succeeded" } })
        world:paid()
        sender.run(world.emulator)
        assert.same({ "payment_intent.created", "charge.succeeded" }, sent_types())
        assert.equal(1, #waiting())
        world:control("webhooks", { release = true })
        sender.run(world.emulator)
        assert.equal("payment_intent.succeeded", world.sent[3].event.type)
    end)

    it("tries again when the clock is moved to that time", function()
        world.answers = { 500 }
        world:intent()
        sender.run(world.emulator)
        world:control("clock", { advance = 1 })
        sender.run(world.emulator)
        assert.equal(2, #world.sent)
    end)

    it("signs with the secrets of now, with both during a rollover", function()
        local function signatures(secrets, connect)
            local changed = world:control("webhooks", { secrets = secrets, connect = connect })
            world:intent()
            sender.run(world.emulator)
            local _, count = world.sent[#world.sent].headers["Stripe-Signature"]:gsub("v1=", "")
            return changed.status, count
        end
        assert.same({ 200, 2 }, { signatures({ "whsec_new", support.SECRET }) })
        assert.same({ 200, 2 }, { signatures({ "whsec_other" }, true) }) -- the other endpoint
        assert.same({ 200, 1 }, { signatures({ "whsec_new" }) })
        assert.equal(404, (signatures({})))
        assert.equal(400, (signatures("whsec_text")))
    end)

    it("shows what it drops, however much that is", function()
        assert.equal(2 ^ 53, world:control("webhooks", { drop = true }).body.drop)
        world:intent()
        assert.same({}, waiting())
    end)

    it("forgets what was for an endpoint that is deleted", function()
        local made = world:post("/v1/webhook_endpoints",
            "enabled_events[]=*&url=http%3A%2F%2Flocalhost%2F2").body
        world:intent()
        world:call("DELETE", "/v1/webhook_endpoints/" .. made.id)
        sender.run(world.emulator)
        assert.equal(1, #world.sent)
        assert.same({}, waiting())
    end)

    it("stands fifteen thousand deliveries: shuffled, refused, taken", function()
        local sent, began_s = 0, os.clock()
        world.emulator.post = function()
            sent = sent + 1
            return sent <= 1000 and 500 or 200
        end
        for number = 1, 15000 do
            events.emit(world.emulator, nil, "thing.made", { id = "t" .. number, object = "thing" })
        end
        world:control("webhooks", { shuffle = true, seed = 5 })
        sender.run(world.emulator)
        world:control("clock", { advance = 2 })
        sender.run(world.emulator)
        assert.equal(16000, sent)
        assert.same({}, waiting())
        assert.is_true(os.clock() - began_s < 60, "it took " .. os.clock() - began_s .. " s")
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
