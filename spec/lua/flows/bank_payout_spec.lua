--- Payouts from Stripe balances to banks: the platform's in the books, vendors' on show.
local client = require("spec.support.client")
local core_stripe = require("core.stripe")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local made_events = 0

describe("flows.bank_payout", function()
    local w, vendor, account

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
        vendor = w:vendor()
        account = w:onboard(vendor)
    end)
    teardown(function()
        w:stop()
    end)

    local function payout(id, status, more)
        local object = {
            id = id, object = "payout", amount = 5000, currency = "usd", status = status,
            created = 1760000000, arrival_date = 1760090000, failure_code = client.null,
            failure_message = client.null,
        }
        for name, value in pairs(more or {}) do
            object[name] = value
        end
        return object
    end
    --- An event of the platform, or of an account. The state in which it was kept.
    local function tell(kind, object, of)
        made_events = made_events + 1
        local id = "evt_payout_" .. made_events
        local body = client.json.encode({
            id = id, object = "event", type = kind, created = os.time(), livemode = false,
            api_version = "2023-08-16", account = of, data = { object = object },
        })
        local secret = of and emulator.CONNECT_WEBHOOK_SECRET or emulator.WEBHOOK_SECRET
        local answer = w:request("POST", "/api/webhooks/stripe" .. (of and "/connect" or ""), nil,
            body, { ["Stripe-Signature"] = core_stripe.sign(body, secret, os.time()) })
        assert.equal(200, answer.status, answer.body)
        return w.db:value("select state from stripe_events where id = '" .. id .. "'")
    end
    local function books(id)
        local found = {}
        for _, row in ipairs(w.db:query(([[select t.kind, p.account, p.amount_minor
            from bank_payouts b join ledger_transactions t on t.ref = b.id::text
            join ledger_postings p on p.transaction_id = t.id
            where b.provider_payout_id = '%s']]):format(id))) do
            found[row[1] .. " " .. row[2]] = tonumber(row[3])
        end
        return found
    end

    it("shows a vendor's failed payout and moves no money of ours (scenario 52)", function()
        assert.equal("DONE", tell("payout.created", payout("po_v1", "pending"), account))
        assert.equal("DONE", tell("payout.failed", payout("po_v1", "failed",
            { failure_code = "account_closed", failure_message = "The bank account is closed." }),
            account))
        assert.equal("DONE", tell("payout.paid", payout("po_v1", "paid"), account))
        local shown = w:expect(200, "GET", "/api/vendor/bank-payouts", vendor).data
        assert.equal(1, #shown)
        assert.same({ "FAILED", "The bank account is closed.", "po_v1", 5000 }, {
            shown[1].status, shown[1].failureMessage, shown[1].providerPayoutId,
            shown[1].amount.amount,
        })
        assert.same({}, books("po_v1"))
        w:assert_invariants()
    end)

    it("hears from Stripe that a vendor's bank sent a payout back (scenario 52)", function()
        local made = story.paid(w, { shop = vendor, price = 6000 })
        story.ship(w, vendor, story.part(w, made).id, "PROCESSING", "SHIPPED", "DELIVERED")
        w:expect(200, "POST", "/api/admin/payouts/run", w:admin(), client.json.decode("{}"))
        shell.wait_until("the transfer", 30, function()
            return story.count(w, "transfer", made.order.id) == 1
        end)
        story.emulator(w, "POST", "/clock", { advance = 8 * 86400 })
        local answer = emulator.call(w.stripe, "POST", "/v1/payouts", "amount=5400&currency=usd",
            { ["Stripe-Account"] = account })
        assert.equal(200, answer.status, answer.body)
        story.emulator(w, "POST", "/clock", { advance = 4 * 86400 })
        local function shown()
            for _, row in ipairs(w:expect(200, "GET", "/api/vendor/bank-payouts", vendor).data) do
                if row.providerPayoutId == answer.json.id then
                    return row.status
                end
            end
        end
        shell.wait_until("it is paid", 30, function()
            return shown() == "PAID"
        end)
        story.emulator(w, "POST", "/payout_fail/" .. answer.json.id, { code = "account_closed" })
        shell.wait_until("it has failed", 30, function()
            return shown() == "FAILED"
        end)
        assert.same({}, books(answer.json.id))
        w:assert_invariants()
    end)

    it("ignores payouts of accounts that are nobody's", function()
        assert.equal("IGNORED", tell("payout.paid", payout("po_x", "paid"), "acct_elsewhere"))
        assert.equal(0, w.db:value("select count(*) from bank_payouts "
            .. "where provider_payout_id = 'po_x'"))
    end)

    it("books the platform's own once, and back once when it fails", function()
        tell("payout.paid", payout("po_1", "paid"))
        tell("payout.paid", payout("po_1", "paid"))
        assert.same({ ["bank_payout bank"] = 5000, ["bank_payout stripe"] = -5000 }, books("po_1"))
        tell("payout.failed", payout("po_1", "failed"))
        tell("payout.failed", payout("po_1", "failed"))
        assert.same({
            ["bank_payout bank"] = 5000, ["bank_payout stripe"] = -5000,
            ["bank_payout_failed bank"] = -5000, ["bank_payout_failed stripe"] = 5000,
        }, books("po_1"))
    end)

    it("does not believe news that is not final, and ignores what Stripe does not know", function()
        assert.equal("IGNORED", tell("payout.created", payout("po_unknown", "pending")))
        assert.same({}, books("po_unknown"))
    end)

    it("follows what becomes of a payout at Stripe, whatever order the news has", function()
        local made = story.paid(w, { shop = vendor })
        assert.equal("CONFIRMED", made.order.status)
        story.emulator(w, "POST", "/clock", { advance = 8 * 86400 })
        story.emulator(w, "POST", "/webhooks", { hold = true })
        local answer = emulator.call(w.stripe, "POST", "/v1/payouts", "amount=1000&currency=usd")
        assert.equal(200, answer.status, answer.body)
        story.emulator(w, "POST", "/clock", { advance = 8 * 86400 })
        story.emulator(w, "POST", "/webhooks", { shuffle = true, seed = 3, duplicate = 2 })
        story.emulator(w, "POST", "/webhooks", { release = true })
        shell.wait_until("the payout is paid", 30, function()
            return w.db:value("select status from bank_payouts where provider_payout_id = '"
                .. answer.json.id .. "'") == "PAID"
        end)
        assert.same({ ["bank_payout bank"] = 1000, ["bank_payout stripe"] = -1000 },
            books(answer.json.id))
    end)
end)
