local support = require("spec.plugins.stripe_emulator.support")
local sender = require("stripe_emulator.webhooks.sender")

local URL = "url=https%3A%2F%2Fm.example%2Fh"

describe("A webhook endpoint", function()
    local world
    before_each(function()
        world = support.world({ webhook_url = "" })
    end)

    local function create(more)
        return world:post("/v1/webhook_endpoints", URL .. "&" .. more)
    end

    it("shows its secret once", function()
        local made = create("enabled_events[0]=*").body
        assert.matches("^whsec_%w+$", made.secret)
        assert.is_nil(world:get("/v1/webhook_endpoints/" .. made.id).body.secret)
        assert.is_nil(world:get("/v1/webhook_endpoints").body.data[1].secret)
    end)

    it("gets the events it asked for and no others", function()
        create("enabled_events[0]=payment_intent.succeeded")
        world:paid()
        sender.run(world.emulator)
        assert.equal(1, #world.sent)
        assert.equal("payment_intent.succeeded", world.sent[1].event.type)
        assert.equal("https://m.example/h", world.sent[1].url)
    end)

    it("for connected accounts gets none of the platform's events", function()
        create("enabled_events[0]=*&connect=true")
        world:paid()
        sender.run(world.emulator)
        assert.same({}, world.sent)
    end)

    it("is changed, all but its secret", function()
        local made = create("enabled_events[0]=*&metadata[a]=1").body
        local path = "/v1/webhook_endpoints/" .. made.id
        local changed = world:post(path, "enabled_events[0]=charge.succeeded&description=Shop"
            .. "&metadata[b]=2&url=https%3A%2F%2Fm.example%2Fnew").body
        assert.same({ { "charge.succeeded" }, "Shop", { a = "1", b = "2" },
            "https://m.example/new" }, { changed.enabled_events, changed.description,
            changed.metadata, changed.url })
        assert.is_nil(changed.secret)
        assert.equal(404, world:post("/v1/webhook_endpoints/we_x", "description=a").status)
    end)

    it("gets nothing while it is disabled", function()
        local path = "/v1/webhook_endpoints/" .. create("enabled_events[0]=*").body.id
        assert.equal("disabled", world:post(path, "disabled=true").body.status)
        world:paid()
        sender.run(world.emulator)
        assert.same({}, world.sent)
        world:post(path, "disabled=false")
        world:intent()
        sender.run(world.emulator)
        assert.equal(1, #world.sent)
    end)

    it("gets nothing any more once it is deleted", function()
        local made = create("enabled_events[0]=*").body
        local answer = world:call("DELETE", "/v1/webhook_endpoints/" .. made.id)
        assert.same({ id = made.id, object = "webhook_endpoint", deleted = true }, answer.body)
        world:paid()
        sender.run(world.emulator)
        assert.same({}, world.sent)
        assert.equal(404, world:get("/v1/webhook_endpoints/" .. made.id).status)
    end)

    it("needs an address and events", function()
        assert.equal("enabled_events", create("").error.param)
        assert.equal("url", world:post("/v1/webhook_endpoints", "enabled_events[]=*").error.param)
    end)

    it("of the configuration gets everything", function()
        world = support.world()
        assert.equal("*", world:get("/v1/webhook_endpoints").body.data[1].enabled_events[1])
    end)
end)
