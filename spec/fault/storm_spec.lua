--- Thousands of events at once, in any order, each three times, while PostgreSQL is restarted: one
--- effect each, and none lost. SOUK_STORM says how many (5000 is the whole storm).
local cluster = require("spec.core.db.cluster")
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local storm = require("spec.fault.storm")
local story = require("spec.lua.story")
local tell = require("spec.support.tell")
local world = require("spec.support.world")

local COUNT = tonumber(os.getenv("SOUK_STORM") or "") or 1000
local TIMES = 3
local SEED = 5000
--- What an order brings, about: three events of its payment, and some have refunds and disputes.
local EVENTS_AN_ORDER = 3.7
local AMOUNT = 10000

describe("a storm of " .. COUNT .. " events, each " .. TIMES .. " times", function()
    local w, pg, made, events

    --- Vendors with accounts, whose events are told to the connected accounts' endpoint.
    local function vendor()
        local shop = w:vendor()
        w:expect(201, "POST", "/api/vendor/stripe/account-link", shop, {})
        local status = w:expect(200, "GET", "/api/vendor/stripe/status", shop)
        story.emulator(w, "POST", "/onboard/" .. status.accountId, {})
        return shop, status.accountId
    end

    local function template(a, b)
        local buyer = w:buyer()
        w:add(buyer, w:product(a, { price = 6000, stock = 5 }))
        w:add(buyer, w:product(b, { price = 4000, stock = 5 }))
        return w:checkout(buyer).id
    end

    --- Of those that are known to be paid every second is refunded in part, every third disputed.
    local function happen(known)
        storm.each(known, function(row, i)
            if i % 2 == 0 then
                w:expect(202, "POST", "/api/admin/orders/" .. row.order_id .. "/refunds",
                    w:admin(), { amount = { amount = 777, currency = "USD" }, reason = "storm" })
            end
            if i % 3 == 0 then
                local dispute = story.emulator(w, "POST", "/dispute/" .. row.intent, {})
                if i % 2 == 0 then
                    story.emulator(w, "POST", ("/dispute/%s/close"):format(dispute.id),
                        { won = i % 4 == 0 })
                end
            end
        end)
        shell.wait_until("the refunds at Stripe", 60, function()
            return w.db:value("select count(*) from stripe_ops "
                .. "where state in ('NEW', 'SENT', 'UNKNOWN')") == 0
        end)
    end

    setup(function()
        pg = cluster.start()
        w = world.start({
            db = database.migrated(pg.url), is_without_webhooks = true,
            set = {
                ["stripe.resend_after_s"] = 1, ["order.expires_after_s"] = 86400,
                ["stripe.rate_per_s"] = 10000, ["log.level"] = "warn",
            },
        })
        local a, account_a = vendor()
        local b, account_b = vendor()
        made = storm.clone(w, template(a, b), math.ceil(COUNT / EVENTS_AN_ORDER))
        storm.pay(w, made, AMOUNT)
        local known = {}
        for i = 1, math.floor(#made / 2) do
            known[i] = made[i]
        end
        storm.apply(w, known, AMOUNT)
        happen(known)
        events = storm.events(w)
        for _, account in ipairs({ account_a, account_b }) do
            for _, event in ipairs(storm.events(w, account)) do
                events[#events + 1] = event
            end
        end
    end)

    teardown(function()
        w:stop()
        pg:remove()
    end)

    local function balance()
        local sum = 0
        local held = emulator.call(w.stripe, "GET", "/v1/balance").json
        for _, list in ipairs({ held.available, held.pending }) do
            for _, entry in ipairs(list) do
                sum = sum + entry.amount
            end
        end
        return sum
    end

    local function value(sql)
        return w.db:value(sql)
    end

    it("has one effect each and loses none, while PostgreSQL ends twice", function()
        assert.is_true(#events >= COUNT, #events .. " events")
        local all = storm.shuffled(events, TIMES, SEED)
        local told = storm.send(w, all, function(at)
            local mode = at == math.floor(#all / 3) and "immediate"
                or at == math.floor(#all / 3 * 2) and "fast"
            if mode then
                pg:down(mode)
                pg:up()
            end
        end)
        tell(("%d events of %d orders, sent %d times in %.1f s (%.0f a second), refused %d times")
            :format(#events, #made, told.sent, told.s, told.sent / told.s, told.refused))
        assert.equal(#all, told.sent)
        assert.is_true(told.refused > 0)
        shell.wait_until("the last events", 60, function()
            return value("select count(*) from stripe_events where state = 'NEW'") == 0
                and value("select count(*) from payments "
                    .. "where succeeded_at is not null and fee_minor is null") == 0
        end)
        assert.equal(#events, value("select count(*) from stripe_events"))
        assert.equal(0, value("select count(*) from stripe_events where state = 'DEAD'"))
        assert.equal(#made, value("select count(*) from orders where status = 'CONFIRMED'"))
        assert.equal(#made, value("select count(*) from ledger_transactions where kind = 'paid'"))
        assert.equal(balance(), value("select sum(amount_minor) from ledger_postings "
            .. "where account = 'stripe'"))
        w:assert_invariants()
    end)
end)
