--- The ledger against Stripe's own books. One world: each rule leaves the books as it found them,
--- or says what it left.
local books = require("spec.lua.books")
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.reconciliation", function()
    local w, made, account

    setup(function()
        w = world.start({ set = { ["reconcile.grace_s"] = 0, ["reconcile.every_s"] = 0 } })
        made = story.paid_by_two(w)
        account = w:onboard(made.a)
        w:onboard(made.b)
        books.pay_out(w, made, made.a)
        books.pay_out(w, made, made.b)
        books.wait_for_fees(w)
    end)

    teardown(function()
        w:stop()
    end)

    --- "KIND object ours theirs" of each finding.
    local function findings_of(seen)
        local out = {}
        for i, row in ipairs(seen.data) do
            out[i] = ("%s %s %s %s"):format(row.kind, tostring(row.objectId), tostring(row.ours),
                tostring(row.theirs)):gsub("userdata: [%w()]+", "null")
        end
        return out
    end

    local function reconcile(body)
        local seen = books.reconcile(w, body)
        assert.equal("DONE", seen.status, tostring(seen.failureMessage))
        assert.equal(seen.findings, #seen.data)
        return findings_of(seen), seen
    end

    local function charge()
        return w.db:value("select charge_id from payments where id = '" .. made.payment.paymentId
            .. "'")
    end

    local function transfer_of(shop)
        return w.db:value("select provider_transfer_id from transfers where vendor_id = '"
            .. shop.vendor_id .. "'")
    end

    local function gauge()
        local page = client.request({ port = w.server.metrics_port, path = "/metrics" }).body
        return tonumber(page:match("\nsouk_reconciliation_findings (%d+)"))
    end

    it("finds nothing when the books agree", function()
        local found, seen = reconcile()
        assert.same({}, found)
        assert.same({ 3, 3 }, { seen.gathered, seen.compared })
        assert.equal(books.stripe_balance(w, "usd"), books.balance(w, "stripe"))
        assert.equal(680, books.balance(w, "stripe"))
    end)

    it("finds a missing transfer and one too many, and nothing else (scenario 58)", function()
        local extra = emulator.call(w.stripe, "POST", "/v1/transfers",
            "amount=321&currency=usd&destination=" .. account .. "&source_transaction=" .. charge()
            .. "&transfer_group=order_" .. made.order.id)
        assert.equal(200, extra.status, extra.body)
        -- Ours alone: a transfer that was posted and that Stripe has never made.
        w.db:query(([[
            with t as (
                insert into transfers (payout_id, vendor_id, destination, amount_minor, currency)
                select id, vendor_id, 'acct_nowhere', 123, 'USD' from payouts
                where vendor_id = '%s' and status = 'PAID' limit 1
                returning *
            )
            select ledger_post('transfer', id, null, 'USD', array['vendor:' || vendor_id, 'stripe'],
                array[123, -123]) from t;
            update transfers set status = 'DONE', provider_transfer_id = 'tr_missing'
            where amount_minor = 123]]):format(made.b.vendor_id))
        local found, seen = reconcile()
        assert.same({ "MISSING_AT_STRIPE tr_missing -123 null",
            "MISSING_IN_LEDGER " .. extra.json.id .. " null -321" }, found)
        assert.equal(("transfer to %s, group order_%s"):format(account, made.order.id),
            seen.data[2].note)
        shell.wait_until("the gauge tells", 30, function()
            return gauge() == 2
        end)
        w.server:logged('"event":"reconciliation.done"', true)
        -- Nothing was corrected.
        assert.equal(books.stripe_balance(w, "usd") + 321 - 123, books.balance(w, "stripe"))
    end)

    it("goes on finding what was found, however old, until somebody has corrected it", function()
        assert.equal(2, #reconcile({ since = "2999-01-01T00:00:00Z" }))
        local second = books.second_admin(w)
        local extra = w.db:value("select object_id from reconciliation_findings "
            .. "where kind = 'MISSING_IN_LEDGER' limit 1")
        for _, line in ipairs({
            { "tr_missing was never made", made.b, -123 }, { "paid by " .. extra, made.a, 321 },
        }) do
            local proposed = w:expect(201, "POST", "/api/admin/adjustments", w:admin(), {
                currency = "USD", reason = line[1], postings = {
                    { account = "vendor:" .. line[2].vendor_id, amount = line[3] },
                    { account = "stripe", amount = -line[3] },
                },
            })
            w:expect(200, "POST", "/api/admin/adjustments/" .. proposed.id .. "/approve", second,
                {})
        end
        assert.same({}, (reconcile()))
        assert.equal(books.stripe_balance(w, "usd"), books.balance(w, "stripe"))
        shell.wait_until("the gauge tells", 30, function()
            return gauge() == 0
        end)
    end)

    it("finds an amount and a fee that differ", function()
        local function shift(amount, fee)
            w.db:query(("update stripe_balance_transactions set amount_minor = amount_minor + %d, "
                .. "fee_minor = fee_minor + %d, net_minor = net_minor + %d where source = '%s'")
                :format(amount, fee, amount - fee, charge()))
        end
        local balance = books.stripe_balance(w, "usd")
        local unexplained = ("BALANCE_DIFFERS null %d %d"):format(balance, balance)
        shift(7, 0)
        assert.same({ "AMOUNT_DIFFERS " .. charge() .. " 10000 10007", unexplained }, (reconcile()))
        shift(-7, 4)
        local found, seen = reconcile()
        assert.same({ unexplained, "FEE_DIFFERS " .. charge() .. " 320 324" }, found)
        assert.truthy(seen.data[2].note:find(made.order.number, 1, true))
        shift(0, -4)
        assert.same({}, (reconcile()))
    end)

    it("finds a balance that no object explains", function()
        w.db:query("select ledger_post('odd', gen_random_uuid(), null, 'USD', "
            .. "array['stripe', 'loss'], array[7, -7])")
        local found, seen = reconcile()
        local balance = books.stripe_balance(w, "usd")
        assert.same({ ("BALANCE_DIFFERS null %d %d"):format(balance + 7, balance) }, found)
        assert.equal("-0.07 are not explained by any object", seen.data[1].note)
        w.db:query("select ledger_post('odd', gen_random_uuid(), null, 'USD', "
            .. "array['stripe', 'loss'], array[-7, 7])")
    end)

    it("finds a transfer that went to somebody else", function()
        local id = transfer_of(made.a)
        w.db:query("update transfers set destination = 'acct_mine' where provider_transfer_id = '"
            .. id .. "'")
        local found, seen = reconcile()
        assert.same({ "TRANSFERS_DIFFER " .. id .. " 5400 5400" }, found)
        assert.equal("ours goes to acct_mine, theirs to " .. account, seen.data[1].note)
        w.db:query("update transfers set destination = '" .. account
            .. "' where provider_transfer_id = '" .. id .. "'")
        assert.same({}, (reconcile()))
    end)

    it("asks by name for what is older than what it gathers", function()
        local since = w.db:value("select time_json(now() + interval '1 s')")
        shell.wait_until("a second has passed", 20, function()
            return w.db:value("select now() > '" .. since .. "'") == "t"
        end)
        w.db:query("delete from stripe_balance_transactions")
        for _, amount in ipairs({ 5, -5 }) do
            w.db:query(([[
                with a as (
                    insert into adjustments (status, currency, postings, reason, proposed_by,
                        decided_by, decided_at)
                    select 'POSTED', 'USD', '[]', 'about %s', min(id::text)::uuid,
                        max(id::text)::uuid, now() from users
                    returning id
                )
                select ledger_post('adjustment', id, null, 'USD', array['stripe', 'loss'],
                    array[%d, %d]) from a]]):format(charge(), amount, -amount))
        end
        local found, seen = reconcile({ since = since })
        assert.same({ {}, 0, 1 }, { found, seen.gathered, seen.compared })
        assert.equal(charge(), w.db:value("select source from stripe_balance_transactions"))
    end)

    it("counts refunds, reversals and refunds that failed", function()
        w:expect(202, "POST", "/api/admin/orders/" .. made.order.id .. "/refunds", w:admin(),
            { amount = { amount = 2500, currency = "USD" }, reason = "scratched" })
        shell.wait_until("the money is back", 30, function()
            return w.db:value("select count(*) from refunds where status = 'SUCCEEDED'") == 1
                and w.db:value("select count(*) from transfer_reversals "
                    .. "where status in ('PENDING', 'SHORT')") == 0
        end)
        assert.same({}, (reconcile()))
        assert.equal(books.stripe_balance(w, "usd"), books.balance(w, "stripe"))
    end)

    it("leaves what is younger than the grace for the next time", function()
        local young = world.start({ set = {
            ["reconcile.grace_s"] = 3600, ["reconcile.every_s"] = 0 } })
        story.paid(young, { price = 5000 })
        young.db:query("select ledger_post('odd', id, null, 'USD', array['stripe', 'loss'], "
            .. "array[5, -5]) from payments")
        young.db:query("insert into stripe_balance_transactions (id, type, source, amount_minor, "
            .. "fee_minor, net_minor, currency, occurred_at) values ('txn_x', 'transfer', "
            .. "'tr_young', -9, 0, -9, 'USD', now())")
        local id = young.db:value("insert into reconciliations (since, until) "
            .. "values ('2000-01-01', now()) returning id")
        local seen
        shell.wait_until("one that nobody asked for", 30, function()
            seen = young:expect(200, "GET", "/api/admin/reconciliations/" .. id, young:admin())
            return seen.status ~= "RUNNING"
        end)
        assert.equal("BALANCE_DIFFERS", seen.data[1].kind)
        assert.equal(1, #seen.data)
        young:stop()
    end)

    it("fails in words when Stripe does not answer, and says so", function()
        story.fault(w, { kind = "error_before", method = "GET", path = "/v1/balance",
            times = 1000 })
        local seen = books.reconcile(w)
        story.emulator(w, "DELETE", "/faults")
        assert.equal("FAILED", seen.status)
        assert.truthy(seen.failureMessage:find("does not answer", 1, true))
        assert.same({}, (reconcile()))
    end)

    it("begins by itself when a day has passed", function()
        local daily = world.start({ set = { ["reconcile.grace_s"] = 0 } })
        shell.wait_until("the first has ended", 30, function()
            return daily.db:value("select count(*) from reconciliations where status = 'DONE'") == 1
        end)
        daily.db:query("update reconciliations set created_at = now() - interval '25 h', "
            .. "until = now() - interval '25 h'")
        shell.wait_until("the second has ended", 30, function()
            return daily.db:value("select count(*) from reconciliations where status = 'DONE'") == 2
        end)
        assert.equal("t", daily.db:value("select since between now() - interval '50 h' "
            .. "and now() - interval '48 h' from reconciliations order by created_at desc limit 1"))
        daily:stop()
    end)
end)
