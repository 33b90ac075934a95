--- Events that never arrive are asked for, and have their effects all the same, once.
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("events that did not arrive", function()
    local w, shop

    setup(function()
        w = world.start({ set = {
            ["stripe.events_every_s"] = 1, ["payment.recheck_after_s"] = 86400,
            ["order.expires_after_s"] = 3600,
        } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function presented()
        local made = story.ordered(w, { shop = shop })
        w:present(w:payment(made.buyer, made.order))
        return made
    end

    local function kept(made)
        return w.db:value(("select count(*) from stripe_events where type = "
            .. "'payment_intent.succeeded' and payload::text like '%%%s%%'"):format(made.order.id))
    end

    it("are asked for, and the order is confirmed (scenario 15)", function()
        story.emulator(w, "POST", "/webhooks", { drop = true })
        local made = presented()
        story.wait_for(w, made, "CONFIRMED")
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.equal(1, kept(made))
        story.emulator(w, "POST", "/webhooks", { drop = 0 })
    end)

    it("are found over many pages", function()
        story.emulator(w, "POST", "/webhooks", { drop = true })
        story.fault(w, { kind = "error_before", path = "/v1/events", times = 1000 })
        local made = presented()
        for _ = 1, 110 do
            emulator.call(w.stripe, "POST", "/v1/payment_intents", "amount=100&currency=usd")
        end
        story.emulator(w, "DELETE", "/faults")
        story.wait_for(w, made, "CONFIRMED")
        story.emulator(w, "POST", "/webhooks", { drop = 0 })
    end)

    it("that nobody wants are left where they are", function()
        assert.equal(0, w.db:value(
            "select count(*) from stripe_events where type = 'charge.succeeded'"))
    end)

    it("have one effect when they come late as well", function()
        story.emulator(w, "POST", "/webhooks", { hold = true })
        local made = presented()
        story.wait_for(w, made, "CONFIRMED")
        story.emulator(w, "POST", "/webhooks", { release = true, duplicate = 2 })
        shell.wait_until("the queue is empty", 20, function()
            return #story.emulator(w, "GET", "/webhooks").waiting == 0
        end)
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.equal(1, kept(made))
    end)

    it("are not asked for while Stripe does not answer, and are afterwards", function()
        story.emulator(w, "POST", "/webhooks", { drop = true })
        local until_s = w.db:value(
            "select extract(epoch from events_complete_until)::bigint from installation")
        story.fault(w, { kind = "error_before", path = "/v1/events", times = 3 })
        local made = presented()
        story.wait_for(w, made, "CONFIRMED")
        shell.wait_until("all is complete again", 30, function()
            return w.db:value("select extract(epoch from events_complete_until)::bigint "
                .. "from installation") > until_s
        end)
        story.emulator(w, "POST", "/webhooks", { drop = 0 })
    end)
end)
