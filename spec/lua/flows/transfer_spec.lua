--- What becomes of a transfer, whoever tells of it.
local emulator = require("spec.support.emulator")
local payout_story = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local WAIT_S = 60

describe("A transfer", function()
    local w, shop

    setup(function()
        w = world.start()
        shop = w:vendor()
        w:onboard(shop)
    end)
    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function transfer_of(made)
        return w.db:query(("select t.id, t.status, t.provider_transfer_id, t.amount_minor "
            .. "from transfers t join vendor_orders v on v.id = t.vendor_order_id "
            .. "where v.order_id = '%s'"):format(made.order.id))[1]
    end

    it("is posted once, though Stripe tells of it again", function()
        local made = payout_story.delivered(w, { shop = shop })
        payout_story.paid_out(w, shop)
        local row = transfer_of(made)
        assert.equal("DONE", row[2])
        local events = emulator.call(w.stripe, "GET",
            "/v1/events?type=transfer.created&limit=1").json.data
        for _ = 1, 3 do
            story.emulator(w, "POST", "/webhooks", { resend = events[1].id })
        end
        shell.wait_until("the events", WAIT_S, function()
            return #story.emulator(w, "GET", "/webhooks").waiting == 0
        end)
        assert.equal(1, story.count(w, "transfer", made.order.id))
    end)

    it("says in its metadata whose it is, and stands in its order's group", function()
        local made = payout_story.delivered(w, { shop = shop })
        payout_story.paid_out(w, shop)
        local row = transfer_of(made)
        local object = emulator.call(w.stripe, "GET", "/v1/transfers/" .. row[3]).json
        assert.same({ row[1], "order_" .. made.order.id, tonumber(row[4]) },
            { object.metadata.transfer_id, object.transfer_group, object.amount })
    end)

    it("that was made by hand at Stripe is told of, and not booked", function()
        local account = w:expect(200, "GET", "/api/vendor/stripe/status", shop).accountId
        story.paid(w, { shop = shop })
        local COUNT = "select count(*) from ledger_transactions where kind = 'transfer'"
        local before = w.db:value(COUNT)
        local made = emulator.call(w.stripe, "POST", "/v1/transfers",
            "amount=100&currency=usd&destination=" .. account .. "&source_transaction="
                .. w.db:value("select charge_id from payments order by succeeded_at desc limit 1"))
        assert.equal(200, made.status, made.body)
        shell.wait_until("a word about it", WAIT_S, function()
            return w.server:log():find("transfer.unknown", 1, true)
        end)
        assert.equal(before, w.db:value(COUNT))
    end)
end)
