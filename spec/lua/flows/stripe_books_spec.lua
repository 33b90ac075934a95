local books = require("spec.lua.books")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("stripe_books", function()
    local w

    setup(function()
        w = world.start({ set = { ["reconcile.grace_s"] = 0, ["reconcile.every_s"] = 0 } })
    end)
    teardown(function()
        w:stop()
    end)

    local function lines()
        return w.db:query("select type, source, amount_minor, fee_minor, net_minor, currency "
            .. "from stripe_balance_transactions order by type")
    end

    it("keeps Stripe's lines as they are, once, whoever asks again", function()
        story.paid(w, { price = 6000 })
        books.wait_for_fees(w)
        books.reconcile(w)
        local charge = w.db:value("select charge_id from payments")
        assert.same({ { "charge", charge, "6000", "204", "5796", "USD" } }, lines())
        books.reconcile(w)
        assert.equal(1, #lines())
    end)
end)
