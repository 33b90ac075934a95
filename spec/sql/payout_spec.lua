--- A vendor's open payout: what is due is taken once, split into transfers of exactly that amount,
--- and what cannot be sent is kept.
local payout_fixture = require("spec.sql.payout_fixture")

describe("payout_run", function()
    local f

    setup(function()
        f = payout_fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
    end)

    after_each(function()
        assert.same({}, f:rows("select name, sample from invariant_report() where violations > 0"))
    end)

    local function payouts(number)
        return f:rows(("select status, amount_minor from payouts where vendor_id = '%s' "
            .. "order by id"):format(f.vendor(number)))
    end

    local function transfers()
        return f:rows("select vendor_orders.subtotal_minor, transfers.amount_minor, "
            .. "transfers.status from transfers left join vendor_orders "
            .. "on vendor_orders.id = vendor_order_id order by transfers.id")
    end

    it("takes what is due and leaves the rest in a new open payout", function()
        f:due(1)
        f:paid()
        assert.same({ "TAKEN", "NOTHING_DUE" }, { f:run(1)[1], f:run(1)[1] })
        assert.same({ "PROCESSING 5400", "PENDING 5400" }, payouts(1))
        assert.same({ "6000 5400 PENDING" }, transfers())
    end)

    it("posts each transfer when it is made, and is PAID with the last one", function()
        f:due()
        f:run(1)
        f:run(2)
        f:send()
        assert.same({ "PAID 5400" }, payouts(1))
        assert.same({ 0, 0, 1000 }, { f:balance(1), f:balance(2), f:balance("stripe") })
        assert.same({
            "vendor 1 5400", "stripe -5400", "vendor 2 3600", "stripe -3600",
        }, f:rows("select case when account like 'vendor:%' then 'vendor ' || right(account, 1) "
            .. "else account end, amount_minor from ledger_postings p join ledger_transactions t "
            .. "on t.id = p.transaction_id where t.kind = 'transfer' order by p.id"))
    end)

    it("waits for the least amount", function()
        f:due()
        assert.equal("BELOW_MINIMUM", f:run(2, "stripe", 3601)[1])
        assert.equal("TAKEN", f:run(2, "stripe", 3600)[1])
    end)

    it("keeps everything, and says why, while the vendor cannot be paid (scenario 44)", function()
        f:due()
        f.db:query("delete from stripe_accounts")
        assert.equal("HINDERED", f:run(1)[1])
        assert.same({ "PENDING 5400 the vendor has no Stripe account" },
            f:rows(("select status, amount_minor, hold_reason from payouts "
                .. "where vendor_id = '%s'"):format(f.vendor(1))))
        f.db:query("insert into stripe_accounts (vendor_id, status, provider_account_id, "
            .. "transfers_capability) select id, 'OPEN', slug, 'pending' from vendors")
        assert.equal("HINDERED", f:run(1)[1])
        f.db:query("update stripe_accounts set transfers_capability = 'active'")
        assert.equal("TAKEN", f:run(1)[1])
    end)

    it("pays nobody who is suspended", function()
        f:due()
        f.db:query("update vendors set status = 'SUSPENDED'")
        assert.equal("HINDERED", f:run(1, "manual")[1])
    end)

    it("takes nothing of an order in dispute", function()
        local id = f:due()
        f.db:query(("insert into disputes (order_id, payment_id, provider_dispute_id, charge_id, "
            .. "state, provider_status, amount_minor, currency, opened_at) values ('%s', '%s', "
            .. "'dp_1', 'ch_1', 'INQUIRY', 'x', 10000, 'USD', now())"):format(id, id))
        assert.equal("NOTHING_DUE", f:run(1)[1])
        f.db:query("update disputes set state = 'CLOSED'")
        assert.equal("TAKEN", f:run(1)[1])
    end)

    it("removes what was refunded before it, and makes no empty transfer (scenario 38)", function()
        local id = f:due()
        f:refund(id, 1, 6000)
        assert.same({ "NOTHING_DUE", "TAKEN" }, { f:run(1)[1], f:run(2)[1] })
        assert.same({ "4000 3600 PENDING" }, transfers())
        assert.equal(0, f.db:value("select count(*) from transfer_reversals"))
    end)

    it("counts no refund before the earning it belongs to", function()
        local id = f:paid()
        f:due()
        f:refund(id, 1, 6000)
        assert.equal(5400, f:run(1)[3])
        assert.same({ "PROCESSING 5400", "PENDING 0" }, payouts(1))
    end)

    it("nets a debt from the largest transfers first, and sends exactly the sum", function()
        local owed = f:due()
        f:run(1)
        f:send()
        f:refund(owed, 1, 6000)
        f.db:query("select reversal_yield(id, 0, 'spec') from transfer_reversals")
        f:due()
        f:due()
        assert.equal(5400, f:run(1)[3])
        local sums = f:rows("select sum(amount_minor), count(*) from transfers "
            .. "where status = 'PENDING'")
        assert.same({ "5400 1" }, sums)
        f:send()
        assert.equal(0, f:balance(1))
    end)

    it("takes everything once when 20 runs want it at the same time", function()
        for _ = 1, 5 do
            f:due()
        end
        local texts = {}
        for i = 1, 20 do
            texts[i] = "begin; " .. f.run_sql(1) .. "; select pg_sleep(0.1); commit;"
        end
        local count, problems = f:together(texts, 20)
        assert.equal(20, count, problems)
        assert.same({ "5 27000" }, f:rows("select count(*), sum(amount_minor) from transfers"))
        assert.same({ "PROCESSING 27000" }, payouts(1))
    end)

    it("keeps the books when runs, refunds and payments come at the same time", function()
        local ids, texts = {}, {}
        for i = 1, 6 do
            ids[i] = f:due()
        end
        for i = 1, 6 do
            local part = f:part(ids[i], 1)
            texts[#texts + 1] = f.run_sql(1) .. ";"
            texts[#texts + 1] = ("begin; select refund_open('%s', 'ADMIN', 'x', "
                .. "array['%s']::uuid[], array[3000]::bigint[], null); "
                .. "select reversal_open('%s', 2700, (select id from refunds where order_id = '%s')"
                .. ", null); commit;"):format(ids[i], part, part, ids[i])
            texts[#texts + 1] = ("select transfer_finish(id, 'tr_' || id, null, null) "
                .. "from transfers where status = 'PENDING';")
        end
        local count, problems = f:together(texts, 8)
        assert.equal(18, count, problems)
    end)
end)

describe("a payout that does not go through", function()
    local f

    setup(function()
        f = payout_fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
    end)

    after_each(function()
        assert.same({}, f:rows("select name, sample from invariant_report() where violations > 0"))
    end)

    local function state()
        return f:rows("select status, amount_minor, coalesce(failure_code, '') from payouts "
            .. "where vendor_id = '" .. f.vendor(1) .. "' order by id")
    end

    it("is FAILED with what is left, and can be tried again (scenario 48)", function()
        f:due()
        local bad = f:due()
        local id = f:run(1)[2]
        f:send(f:part(bad, 1))
        assert.same({ "FAILED 5400 account_invalid" }, state())
        assert.equal(-5400, f:balance(1))
        f:paid()
        assert.equal(id, f.db:value("select payout_reopen('" .. id .. "', 'FAILED')"))
        assert.same({ "PENDING 10800 " }, state())
        assert.equal("TAKEN", f:run(1)[1])
        f:send()
        assert.same({ "PAID 5400 ", "PENDING 5400 " }, state())
        assert.equal(2, f.db:value("select count(*) from transfers where status = 'DONE'"))
    end)

    it("is opened again only once", function()
        local bad = f:due()
        local id = f:run(1)[2]
        f:send(f:part(bad, 1))
        local again = "select payout_reopen('" .. id .. "', 'FAILED')"
        f.db:query(again)
        assert.is_false(f.db:try(again))
    end)

    it("is set aside with what it holds, and let go together with what came since", function()
        f:due()
        local id = f.db:value("select id from payouts where vendor_id = '" .. f.vendor(1) .. "'")
        f.db:query("select payout_hold('" .. id .. "', 'looks odd')")
        assert.equal("NOTHING_DUE", f:run(1)[1])
        f:due()
        assert.same({ "ON_HOLD 5400 ", "PENDING 5400 " }, state())
        assert.equal(id, f.db:value("select payout_reopen('" .. id .. "', 'ON_HOLD')"))
        assert.same({ "PENDING 10800 " }, state())
        assert.equal(10800, f:run(1)[3])
    end)

    it("is let go while a sale opens another", function()
        f:due()
        local id = f.db:value("select id from payouts where vendor_id = '" .. f.vendor(1) .. "'")
        f.db:query("select payout_hold('" .. id .. "', 'looks odd')")
        local count, problems = f:together({
            ("begin; select payout_open('%s', 'USD'); select pg_sleep(1); commit;"):format(
                f.vendor(1)),
            ("select pg_sleep(0.5); select payout_reopen('%s', 'ON_HOLD');"):format(id),
        }, 2)
        assert.equal(2, count, problems)
        assert.same({ "PENDING 5400 " }, state())
    end)

    it("by hand is posted when it is paid, and again when a bank returns it", function()
        f:due()
        local id = f:run(1, "manual")[2]
        assert.equal(0, f.db:value("select count(*) from transfers"))
        f.db:query("select payout_mark('" .. id .. "', 'PAID', 'SEPA 1')")
        assert.same({ 0, -5400 }, { f:balance(1), f:balance("bank") })
        assert.is_false(f.db:try("select payout_mark('" .. id .. "', 'PAID', 'SEPA 1')"))
        f.db:query("select payout_mark('" .. id .. "', 'FAILED', 'account closed')")
        assert.same({ -5400, 0 }, { f:balance(1), f:balance("bank") })
        local open = f.db:value("select payout_reopen('" .. id .. "', 'FAILED')")
        assert.are_not.equal(id, open)
        assert.same({ "FAILED 0 bank", "PENDING 5400 " }, state())
        assert.is_false(f.db:try("select payout_reopen('" .. id .. "', 'FAILED')"))
        assert.equal("TAKEN", f:run(1, "manual")[1])
        f.db:query("select payout_mark('" .. open .. "', 'PAID', 'SEPA 2')")
        assert.same({ 0, -5400 }, { f:balance(1), f:balance("bank") })
    end)

    it("by Stripe is not marked by hand", function()
        f:due()
        local id = f:run(1)[2]
        assert.is_false(f.db:try("select payout_mark('" .. id .. "', 'PAID', 'x')"))
    end)
end)

describe("payout_due", function()
    local f, id

    setup(function()
        f = payout_fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
        id = f:paid()
    end)

    local function due(when, days)
        f.db:query(("select payout_due(array['%s']::uuid[], array['USD'], array['%s'], "
            .. "array[%d], null)"):format(f.vendor(1), when, days))
        return f.db:value(("select coalesce((due_at - vendor_orders.confirmed_at)::text, 'never') "
            .. "from payout_items join vendor_orders on vendor_orders.id = vendor_order_id "
            .. "where kind = 'EARNING' and vendor_order_id = '%s'"):format(f:part(id, 1)))
    end

    it("counts the days from what the policy asks for, and not before that", function()
        assert.equal("7 days", due("PAID", 7))
        assert.equal("never", due("DELIVERED", 0))
        f.db:query("update vendor_orders set shipped_at = confirmed_at + interval '1 day'")
        assert.equal("2 days", due("SHIPPED", 1))
        assert.equal("never", due("COMPLETED", 0))
    end)

    it("is never for what was cancelled", function()
        f.db:query(("select order_cancel_paid('%s', array['%s']::uuid[], 'ADMIN', 'x', null)")
            :format(id, f:part(id, 1)))
        assert.equal("never", due("PAID", 0))
    end)
end)
