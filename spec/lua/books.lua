--- What specs of the books have in common: a second administrator, balances, and months that are
--- past.
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local books = {}

--- Another administrator than w:admin().
function books.second_admin(w)
    local email = ("second.%d@example.com"):format(w.port)
    shell.must(("SOUK_HOME=%s DATABASE_URL=%s %s admin create --email %s --password %s "
        .. "--conf conf/test.conf"):format(shell.quote(w.server.home), shell.quote(w.db.url),
        w.server.binary, email, shell.quote(world.PASSWORD)))
    local session = w:expect(200, "POST", "/api/auth/login", nil,
        { email = email, password = world.PASSWORD })
    return { token = session.accessToken, id = session.user.id, email = email }
end

--- The ledger's balance of an account, all currencies together.
function books.balance(w, account)
    return w.db:value("select coalesce(sum(amount_minor), 0) from ledger_postings "
        .. "where account = '" .. account .. "'")
end

--- Posts past the server, at a time ("2026-01-31 23:59:59.999+00"). lines: "'account', …" and
--- "amount, …". Returns nothing.
function books.post_at(w, at, kind, order_id, accounts, amounts)
    w.db:query(([[
        begin; set local session_replication_role = replica;
        with t as (
            insert into ledger_transactions (kind, ref, order_id, created_at)
            values ('%s', gen_random_uuid(), %s, '%s') returning id
        )
        insert into ledger_postings (transaction_id, account, currency, amount_minor, created_at)
        select t.id, p.account, 'USD', p.amount, '%s'
        from t, unnest(array[%s], array[%s]::bigint[]) as p (account, amount);
        commit]]):format(kind, order_id and "'" .. order_id .. "'" or "null", at, at, accounts,
        amounts))
end

--- Stripe's balance of the platform in a currency ("usd"), available and pending together.
function books.stripe_balance(w, currency)
    local sum, answer = 0, emulator.call(w.stripe, "GET", "/v1/balance").json
    for _, part in ipairs({ answer.available, answer.pending }) do
        for _, line in ipairs(part) do
            sum = sum + (line.currency == currency and line.amount or 0)
        end
    end
    return sum
end

--- Waits until every payment's fee is posted.
function books.wait_for_fees(w)
    shell.wait_until("Stripe's fees are posted", 20, function()
        return w.db:value("select count(*) from payments where succeeded_at is not null "
            .. "and fee_minor is null and quarantined_at is null") == 0
    end)
end

--- Delivers a shop's part of a story and sends the shop its share; the shop is onboarded.
function books.pay_out(w, made, shop)
    story.ship(w, shop, story.part(w, made, shop).id, "PROCESSING", "SHIPPED", "DELIVERED")
    w:expect(200, "POST", "/api/admin/payouts/run", w:admin(),
        { vendorId = shop.vendor_id, force = true })
    shell.wait_until("the transfer is done", 20, function()
        return w.db:value("select count(*) from payouts where status in ('PROCESSING') "
            .. "and vendor_id = '" .. shop.vendor_id .. "'") == 0
    end)
end

--- Runs a reconciliation to its end: with its findings.
function books.reconcile(w, body)
    local begun = w:expect(202, "POST", "/api/admin/reconciliations", w:admin(),
        body or { since = "2000-01-01T00:00:00Z" })
    local seen
    shell.wait_until("the reconciliation has ended", 30, function()
        seen = w:expect(200, "GET", "/api/admin/reconciliations/" .. begun.id, w:admin())
        return seen.status ~= "RUNNING"
    end)
    return seen
end

return books
