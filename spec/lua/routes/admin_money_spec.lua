local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.admin_money", function()
    local w, made

    setup(function()
        w = world.start({ set = { ["payout.every_ms"] = 3600000 } })
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    local function get(path, who)
        return w:expect(200, "GET", "/api/admin" .. path, who or w:admin())
    end

    it("shows the paid posting of the worked example", function()
        local row = get("/ledger?orderId=" .. made.order.id).data[1]
        assert.same({ "paid", made.order.id }, { row.kind, row.ref })
        local amounts = {}
        for _, posting in ipairs(row.postings) do
            amounts[posting.account] = posting.amount.amount
        end
        assert.same({
            stripe = 10000, platform_fee = -1000, ["vendor:" .. made.a.vendor_id] = -5400,
            ["vendor:" .. made.b.vendor_id] = -3600,
        }, amounts)
    end)

    it("filters the ledger by account and kind", function()
        assert.equal(1, get("/ledger?account=vendor:" .. made.a.vendor_id).page.total)
        assert.equal(0, get("/ledger?account=loss").page.total)
        assert.equal(0, get("/ledger?kind=refund").page.total)
    end)

    it("balances to 0 in every currency", function()
        local trial = get("/ledger/trial-balance")
        assert.same({ { currency = "USD", balance = 0 } }, trial.sums)
        local by_account = {}
        for _, row in ipairs(trial.data) do
            by_account[row.account] = row.balance
        end
        -- Stripe's own fee is posted as soon as Stripe tells it.
        assert.same({ 10000, -1000 }, {
            by_account.stripe + (by_account.stripe_fee or 0), by_account.platform_fee,
        })
    end)

    it("shows the open payouts", function()
        local page = get("/payouts?vendorId=" .. made.b.vendor_id)
        assert.same({ 1, 3600, "PENDING" },
            { page.page.total, page.data[1].amount.amount, page.data[1].status })
        assert.equal(2, get("/payouts?status=PENDING").page.total)
    end)

    it("shows refunds with how they fall on the vendors", function()
        assert.equal(0, get("/refunds").page.total)
        w:expect(200, "POST", "/api/vendor/orders/" .. story.part(w, made, made.b).id .. "/cancel",
            made.b, { reason = "gone" })
        local row = get("/refunds").data[1]
        assert.same({ "VENDOR_CANCEL", "gone", 4000, 400, 3600 }, {
            row.cause, row.reason, row.amount.amount, row.vendorOrders[1].platformFee.amount,
            row.vendorOrders[1].earnings.amount,
        })
    end)

    it("shows what waits in the background, and what needs somebody", function()
        w.db:query("insert into stripe_events (id, endpoint, type, is_live, payload, state, "
            .. "problem, occurred_at) values ('evt_dead', 'platform', 'x', false, '{}', 'DEAD', "
            .. "'no', now())")
        local jobs = get("/jobs")
        w.db:query("update payouts set hold_reason = 'spec' where status = 'PENDING'")
        local needed = {}
        for _, row in ipairs(get("/jobs").stuck) do
            needed[row.kind] = row.problem
        end
        assert.equal("spec", needed.payout)
        local by_name = {}
        for _, row in ipairs(jobs.data) do
            by_name[row.name] = row
        end
        assert.equal(1, by_name.stripe_events.stuck)
        assert.equal(0, by_name.orders_to_expire.waiting)
        assert.same({ "stripe_event", "evt_dead" }, { jobs.stuck[1].kind, jobs.stuck[1].id })
    end)

    for _, path in ipairs({
        "/payouts", "/refunds", "/ledger", "/ledger/trial-balance", "/jobs", "/invariants",
    }) do
        it("shows " .. path .. " to admins only", function()
            assert.equal(401, w:request("GET", "/api/admin" .. path).status)
            assert.equal(403, w:request("GET", "/api/admin" .. path, made.a).status)
            assert.equal(403, w:request("GET", "/api/admin" .. path, made.buyer).status)
        end)
    end
end)
