local events = require("stripe_emulator.resources.events")
local sender = require("stripe_emulator.webhooks.sender")
local store = require("stripe_emulator.state.store")
local support = require("spec.plugins.stripe_emulator.support")

local NOT_CONNECT = { "payment_intents", "charges", "refunds", "webhook_endpoints" }

describe("Stripe-Account", function()
    local world
    before_each(function()
        world = support.world()
        for _, id in ipairs({ "acct_1", "acct_2" }) do
            store.insert(world.emulator.store, { id = id, object = "account", created = 1 })
        end
    end)

    local function happens(kind, account)
        local object = { id = "obj_1", object = "thing" }
        return events.emit(world.emulator, nil, kind, object, nil, account)
    end

    it("names an account of ours", function()
        local refused = world:get("/v1/events", { ["Stripe-Account"] = "acct_stranger" })
        assert.equal(403, refused.status)
        assert.equal("account_invalid", refused.error.code)
    end)

    it("shows that account's events, and nobody else's", function()
        happens("payment_intent.created")
        local theirs = happens("payout.paid", "acct_1")
        happens("payout.failed", "acct_2")
        local mine = world:get("/v1/events", { ["Stripe-Account"] = "acct_1" }).body.data
        assert.equal(1, #mine)
        assert.equal("acct_1", mine[1].account)
        assert.equal(1, #world:get("/v1/events").body.data)
        local path = "/v1/events/" .. theirs.id
        assert.equal(404, world:get(path).status)
        assert.equal(404, world:get(path, { ["Stripe-Account"] = "acct_2" }).status)
        assert.equal(200, world:get(path, { ["Stripe-Account"] = "acct_1" }).status)
    end)

    it("is refused where the emulator knows the platform only", function()
        for _, name in ipairs(NOT_CONNECT) do
            local refused = world:get("/v1/" .. name, { ["Stripe-Account"] = "acct_1" })
            assert.equal("unsupported_by_emulator", refused.error.code, name)
        end
    end)

    it("is part of what an idempotency key stands for", function()
        local key = { ["Idempotency-Key"] = "k1" }
        assert.equal(200, world:post("/v1/payment_intents", "amount=100&currency=usd", key).status)
        world.emulator.registry.operations[1].operation.takes_account = true
        key["Stripe-Account"] = "acct_1"
        local other = world:post("/v1/payment_intents", "amount=100&currency=usd", key)
        world.emulator.registry.operations[1].operation.takes_account = nil
        assert.equal("idempotency_error", (other.error or {}).type, other.text)
    end)

    it("decides which endpoint hears of an event, and with which secret", function()
        happens("account.updated", "acct_1")
        happens("payment_intent.created")
        sender.run(world.emulator)
        local seen = {}
        for _, sent in ipairs(world.sent) do
            seen[sent.event.type] = sent.url
        end
        assert.same({
            ["account.updated"] = "http://localhost:3001/api/webhooks/stripe/connect",
            ["payment_intent.created"] = "http://localhost:3001/api/webhooks/stripe",
        }, seen)
    end)
end)
