--- What administrators do to payouts: run, hold, retry, pay by hand; each with its reason kept.
local client = require("spec.support.client")
local money = require("spec.lua.payout_story")
local world = require("spec.support.world")

local BASE = "/api/admin/payouts"

describe("routes.admin_payouts", function()
    local w, shop

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        shop = w:vendor()
    end)

    local function post(path, body, headers)
        return w:request("POST", BASE .. path, w:admin(), body, headers)
    end

    local function open()
        return money.of(w, shop)[1]
    end

    it("is for administrators only", function()
        assert.equal(403, w:request("POST", BASE .. "/run", shop,
            client.json.decode("{}")).status)
        assert.equal(403, w:request("GET", BASE, shop).status)
    end)

    it("says of each vendor what came of a run", function()
        money.delivered(w, { shop = shop })
        local row = money.run(w, shop)[1]
        assert.same({ shop.vendor_id, "HINDERED", 5400 },
            { row.vendorId, row.outcome, row.amount.amount })
        w:onboard(shop)
        assert.equal(5400, money.wait(w, shop, "PAID").amount.amount)
    end)

    it("answers a run that is asked twice with one key as before", function()
        w:onboard(shop)
        money.delivered(w, { shop = shop })
        local key = { ["Idempotency-Key"] = "run-" .. shop.vendor_id }
        local body = { vendorId = shop.vendor_id }
        local first, second = post("/run", body, key), post("/run", body, key)
        assert.equal("TAKEN", first.json.data[1].outcome)
        assert.equal(first.body, second.body)
        money.wait(w, shop, "PAID")
    end)

    it("holds and releases, with the reason in the audit log", function()
        w:onboard(shop)
        money.delivered(w, { shop = shop })
        local id = open().id
        local held = post("/" .. id .. "/hold", { reason = "the address looks odd" })
        assert.same({ 200, "ON_HOLD", "the address looks odd" },
            { held.status, held.json.status, held.json.holdReason })
        assert.equal(409, post("/" .. id .. "/hold", { reason = "again" }).status)
        assert.same({}, money.run(w, shop))
        local entry = w:expect(200, "GET", "/api/admin/audit-log", w:admin()).data[1]
        assert.same({ "payout.hold", "payout:" .. id, "the address looks odd" },
            { entry.action, entry.object, entry.reason })
        assert.equal("PENDING", post("/" .. id .. "/release", { reason = "right" }).json.status)
        assert.equal(id, money.paid_out(w, shop).id)
    end)

    it("tries a failed payout again", function()
        local account = w:onboard(shop)
        money.delivered(w, { shop = shop })
        w.db:query("update stripe_accounts set provider_account_id = 'acct_gone' "
            .. "where vendor_id = '" .. shop.vendor_id .. "'")
        money.run(w, shop)
        local id = money.wait(w, shop, "FAILED").id
        w.db:query("update stripe_accounts set provider_account_id = '" .. account
            .. "' where vendor_id = '" .. shop.vendor_id .. "'")
        assert.equal(409, post("/" .. id .. "/release", { reason = "x" }).status)
        assert.equal(409, post("/" .. id .. "/mark-paid", { reference = "x" }).status)
        assert.equal("PENDING", post("/" .. id .. "/retry", { reason = "mended" }).json.status)
        local paid = money.paid_out(w, shop)
        assert.same({ id, 5400, "FAILED", "DONE" }, {
            paid.id, paid.amount.amount, paid.transfers[1].status, paid.transfers[2].status,
        })
        local transfers = w:expect(200, "GET", "/api/admin/transfers?payoutId=" .. id, w:admin())
        assert.same({ 2, "DONE" }, { transfers.page.total, transfers.data[1].status })
    end)

    it("does not know what is not there", function()
        local id = "01930000-0000-7000-8000-000000000000"
        assert.equal(404, w:request("GET", BASE .. "/" .. id, w:admin()).status)
        for _, step in ipairs({ "hold", "release", "retry", "mark-failed" }) do
            assert.equal(404, post("/" .. id .. "/" .. step, { reason = "x" }).status)
        end
        assert.equal(422, post("/" .. id .. "/hold", { reason = "" }).status)
    end)
end)

describe("payouts by hand", function()
    local w

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    --- As a run by a policy with provider = "manual" takes it.
    local function taken(shop)
        return w.db:query(("select payout_id from payout_run('%s', 'USD', 'manual', 1)"):format(
            shop.vendor_id))[1][1]
    end

    it("are in a file for a bank until they are marked, and come back when it returns them",
        function()
            local shop = w:vendor({ vendor = { businessName = '=Odd, "Ltd"' } })
            money.delivered(w, { shop = shop })
            local id = taken(shop)
            local file = w:request("GET", BASE .. "/file", w:admin())
            assert.truthy(file.body:find(id .. "," .. shop.vendor_id, 1, true), file.body)
            assert.truthy(file.body:find(",54.00,USD,", 1, true), file.body)
            assert.is_nil(file.body:find(',=Odd', 1, true))
            local paid = w:expect(200, "POST", BASE .. "/" .. id .. "/mark-paid", w:admin(),
                { reference = "SEPA 1" })
            assert.same({ "PAID", "SEPA 1" }, { paid.status, paid.reference })
            assert.is_nil(w:request("GET", BASE .. "/file", w:admin()).body:find(id, 1, true))
            assert.same({ 0, 0, 5400, 0 }, money.balance(w, shop))
            assert.equal(-5400, money.ledger(w, "bank"))
            w:expect(200, "POST", BASE .. "/" .. id .. "/mark-failed", w:admin(),
                { reason = "account closed" })
            assert.same({ 0, 5400, 0, 0 }, money.balance(w, shop))
            local again = w:expect(200, "POST", BASE .. "/" .. id .. "/retry", w:admin(),
                { reason = "new account" })
            assert.same({ "PENDING", 5400 }, { again.status, again.amount.amount })
            assert.are_not.equal(id, again.id)
            assert.same({ 0, 5400, 0, 0 }, money.balance(w, shop))
        end)
end)
