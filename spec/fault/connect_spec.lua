--- A server that dies while a vendor connects: one account at Stripe, whenever it happens, and the
--- news of it has its effect once (scenario 23).
local client = require("spec.support.client")
local crash = require("spec.support.crash")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local LINK = "/api/vendor/stripe/account-link"

describe("a server that dies", function()
    local w

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
    end)
    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function died(label)
        shell.wait_until("the death at " .. label, 40, function()
            return w.server:exit_code()
        end)
        assert.equal(label, crash.fired(w.server))
        w.server:restart()
        w.db:query("update stripe_ops set next_at = now() where state = 'SENT'")
        w.db:query("update stripe_events set next_at = now() where state = 'NEW'")
    end
    local function link(vendor)
        return w:request("POST", LINK, vendor, client.json.decode("{}"))
    end
    local function row(vendor)
        local found = w.db:query("select status, attempt, provider_account_id, "
            .. "transfers_capability from stripe_accounts where vendor_id = '"
            .. vendor.vendor_id .. "'")[1] or {}
        return { status = found[1], attempt = found[2], id = found[3], transfers = found[4] }
    end
    --- How many accounts the emulator has for a vendor.
    local function made_for(vendor)
        local list = client.request({
            port = w.stripe.port, path = "/v1/accounts?limit=100",
            headers = { Authorization = "Bearer " .. w.stripe.set["stripe.secret_key"] },
        }).json.data
        local count = 0
        for _, account in ipairs(list) do
            count = count + (account.metadata.vendor_id == vendor.vendor_id and 1 or 0)
        end
        return count
    end

    for _, label in ipairs({ "op.added", "op.sent", "op.answered", "op.finished" }) do
        it("at " .. label .. " has one account when the vendor asks again", function()
            local vendor = w:vendor()
            crash.arm(w.server, label)
            assert.equal(0, link(vendor).status)
            died(label)
            local answer = link(vendor)
            assert.is_true(answer.status == 200 or answer.status == 201, answer.body)
            assert.equal(1, made_for(vendor))
            assert.same({ "OPEN", "1" }, { row(vendor).status, row(vendor).attempt })
        end)

        it("at " .. label .. " has it made by itself, or never began", function()
            local vendor = w:vendor()
            crash.arm(w.server, label)
            link(vendor)
            died(label)
            if label == "op.added" then
                assert.is_nil(row(vendor).status)
                assert.equal(0, made_for(vendor))
                return
            end
            shell.wait_until("the account", 20, function()
                return row(vendor).status == "OPEN"
            end)
            assert.equal(1, made_for(vendor))
        end)
    end

    for _, label in ipairs({ "event.kept", "event.handled", "event.finished" }) do
        it("at " .. label .. " hears once that a vendor is ready", function()
            local vendor = w:vendor()
            link(vendor)
            crash.arm(w.server, label)
            story.emulator(w, "POST", "/onboard/" .. row(vendor).id, client.json.decode("{}"))
            died(label)
            shell.wait_until("the news", 30, function()
                return row(vendor).transfers == "active"
            end)
            assert.equal(1, w.db:value(("select count(*) from outbox_events where type = "
                .. "'vendor.stripe_ready' and data ->> 'vendorId' = '%s'"):format(
                vendor.vendor_id)))
        end)
    end

    it("at payout.taken pays what waited for the account once, when it is back", function()
        local made = story.paid(w)
        story.ship(w, made.shop, story.part(w, made).id, "PROCESSING", "SHIPPED", "DELIVERED")
        link(made.shop)
        crash.arm(w.server, "payout.taken")
        story.emulator(w, "POST", "/onboard/" .. row(made.shop).id, client.json.decode("{}"))
        died("payout.taken")
        shell.wait_until("the payout", 40, function()
            return w:expect(200, "GET", "/api/vendor/payouts", made.shop).data[1].status == "PAID"
        end)
        assert.equal(1, story.count(w, "transfer", made.order.id))
        assert.equal("f", w.db:value("select is_wake_due from stripe_accounts where vendor_id = '"
            .. made.shop.vendor_id .. "'"))
    end)
end)
