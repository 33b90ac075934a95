--- A connection to Stripe that is reset under a request: libcurl may send it again by itself on
-- another connection, so nobody but Stripe's key stands between that and a second payment.
local client = require("spec.support.client")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("A connection to Stripe that is reset", function()
    local w
    setup(function()
        w = world.start()
        story.paid(w) -- connections are open from here on
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    --- What reached Stripe for the intents of an order, oldest first.
    local function asked(order)
        local path = "/_emu/journal?method=POST&path=%2Fv1%2Fpayment_intents"
        local found = {}
        for _, entry in ipairs(client.request({ port = w.stripe.port, path = path }).json.data) do
            if entry.body:find(order.id, 1, true) then
                found[#found + 1] = entry
            end
        end
        return found
    end

    for kind, executed in pairs({ reset_idle = { false, true }, reset_after = { true, false } }) do
        it("by " .. kind .. " costs nobody anything, and makes one payment", function()
            for _ = 1, 5 do
                local made = story.ordered(w)
                story.fault(w, { kind = kind, method = "POST", path = "/v1/payment_intents" })
                local answer = w:pay(made.buyer, made.order)
                assert.equal(200, answer.status)
                local entries = asked(made.order)
                assert.equal(2, #entries)
                assert.same(executed, { entries[1].executed, entries[2].executed })
                assert.equal(entries[1].idempotency_key, entries[2].idempotency_key)
                assert.equal(kind == "reset_after", entries[2].replayed)
            end
        end)
    end
end)
