local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.vendor_money", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    it("shows earnings as pending until they are due", function()
        assert.same({ { currency = "USD", pending = 5400, payable = 0, paid = 0, owed = 0 } },
            w:expect(200, "GET", "/api/vendor/balance", made.a).data)
    end)

    it("shows nothing but zeros to a vendor that sold nothing", function()
        local vendor = w:vendor()
        assert.same({ { currency = "USD", pending = 0, payable = 0, paid = 0, owed = 0 } },
            w:expect(200, "GET", "/api/vendor/balance", vendor).data)
        assert.equal(0, w:expect(200, "GET", "/api/vendor/ledger", vendor).page.total)
        assert.equal(0, w:expect(200, "GET", "/api/vendor/payouts", vendor).page.total)
    end)

    it("gathers all earnings of a currency in one open payout", function()
        story.paid(w, { shop = made.a, price = 1000 })
        local page = w:expect(200, "GET", "/api/vendor/payouts", made.a)
        assert.same({ 1, "PENDING", 6300, 2 }, {
            page.page.total, page.data[1].status, page.data[1].amount.amount,
            page.data[1].itemCount,
        })
        local payout = w:expect(200, "GET", "/api/vendor/payouts/" .. page.data[1].id, made.a)
        assert.same({ 2, "EARNING", 5400 },
            { #payout.items, payout.items[1].kind, payout.items[1].amount.amount })
        assert.equal(404, w:request("GET", "/api/vendor/payouts/" .. payout.id, made.b).status)
    end)

    it("shows the vendor's account from its own side", function()
        w:expect(200, "POST", "/api/vendor/orders/" .. story.part(w, made, made.b).id .. "/cancel",
            made.b, { reason = "gone" })
        local rows = w:expect(200, "GET", "/api/vendor/ledger", made.b).data
        assert.same({ "refund", -3600, "paid", 3600 },
            { rows[1].kind, rows[1].amount.amount, rows[2].kind, rows[2].amount.amount })
    end)

    it("says what a vendor owes when money went back after it was paid out", function()
        local payouts = "update payouts set %s where vendor_id = '" .. made.a.vendor_id .. "'; "
        w.db:query(payouts:format("status = 'PROCESSING'")
            .. payouts:format("status = 'PAID', paid_at = now()")
            .. ("select ledger_post('transfer', gen_random_uuid(), '%s', 'USD', "
            .. "array['vendor:%s', 'stripe'], array[6300, -6300])"):format(
            made.order.id, made.a.vendor_id))
        local part = story.part(w, made, made.a)
        w:expect(200, "POST", "/api/vendor/orders/" .. part.id .. "/cancel", made.a,
            { reason = "gone" })
        local row = w:expect(200, "GET", "/api/vendor/balance", made.a).data[1]
        assert.same({ 6300, 5400, 0 }, { row.paid, row.owed, row.payable })
        local open = w:expect(200, "GET", "/api/vendor/payouts?status=PENDING", made.a).data[1]
        assert.equal(-5400, open.amount.amount)
    end)
end)
