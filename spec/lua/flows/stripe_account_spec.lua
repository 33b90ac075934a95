--- Vendors' accounts at Stripe: made once, told of by events in any order, lost and begun anew.
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local LINK = "/api/vendor/stripe/account-link"

describe("flows.stripe_account", function()
    local w

    setup(function()
        w = world.start({
            set = { ["stripe.resend_after_s"] = 1, ["stripe.account_fresh_s"] = 0 },
        })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    after_each(function()
        client.request({ port = w.stripe.port, method = "DELETE", path = "/_emu/faults" })
        story.emulator(w, "POST", "/webhooks", { hold = false, drop = 0 })
    end)

    local function row(vendor)
        local found = w.db:query(([[select status, attempt, provider_account_id,
            transfers_capability, failure_message from stripe_accounts where vendor_id = '%s']])
            :format(vendor.vendor_id))[1]
        return found and {
            status = found[1], attempt = tonumber(found[2]), account = found[3],
            transfers = found[4], failure = found[5],
        }
    end
    local function link(vendor, body)
        return w:request("POST", LINK, vendor, body or client.json.decode("{}"))
    end
    local function status(vendor)
        return w:expect(200, "GET", "/api/vendor/stripe/status", vendor)
    end
    local function emu(path, body)
        return story.emulator(w, "POST", path, body or client.json.decode("{}"))
    end
    --- Nobody has brought news of any account for days. News that is still under way changes
    --- that.
    local function without_news()
        w.db:query("update stripe_accounts set checked_at = now() - interval '2 days', "
            .. "updated_at = now() - interval '2 days' where updated_at > now() - interval '1 day'")
    end
    local function executed()
        local count = 0
        for _, entry in ipairs(story.asked(w, "POST", "/v1/accounts")) do
            count = count + (entry.path == "/v1/accounts" and entry.executed and 1 or 0)
        end
        return count
    end

    it("makes one account for many who ask at once", function()
        local vendor, before = w:register("VENDOR"), executed()
        local entries = {}
        for i = 1, 8 do
            entries[i] = w:prepared("POST", LINK, vendor, client.json.decode("{}"))
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.is_true(answer.status == 200 or answer.status == 201, answer.body)
        end
        assert.equal(before + 1, executed())
        assert.equal("OPEN", row(vendor).status)
    end)

    it("sends the same call again when its answer was lost", function()
        local vendor, before = w:register("VENDOR"), executed()
        story.fault(w, { kind = "drop_after", method = "POST", path = "/v1/accounts" })
        assert.equal(201, link(vendor).status)
        assert.equal(before + 1, executed())
    end)

    it("adopts by its metadata what a call made that is answered with a failure", function()
        local vendor, before = w:register("VENDOR"), executed()
        story.fault(w, { kind = "error_after", method = "POST", path = "/v1/accounts" })
        local answer = link(vendor)
        if answer.status ~= 201 then
            shell.wait_until("the account is adopted", 30, function()
                return row(vendor).status == "OPEN"
            end)
        end
        assert.equal(before + 1, executed())
        assert.equal(200, link(vendor).status)
    end)

    it("says that Stripe refuses a country, and tries anew with another one", function()
        local vendor = w:register("VENDOR")
        local refused = link(vendor, { country = "KP" })
        assert.same({ 409, "conflict" }, { refused.status, refused.json.code })
        assert.equal("FAILED", row(vendor).status)
        assert.equal("KP is not currently supported by Stripe.", status(vendor).failureMessage)
        assert.equal(201, link(vendor, { country = "DE" }).status)
        assert.same({ "OPEN", 2 }, { row(vendor).status, row(vendor).attempt })
    end)

    it("knows by an event alone what a vendor may do, and asks when none comes", function()
        local vendor = w:vendor()
        local before = link(vendor) and status(vendor)
        assert.same({ true, false, false },
            { before.connected, before.transfersEnabled, before.payoutsEnabled })
        assert.is_true(#before.currentlyDue > 0)
        w:onboard(vendor)
        story.emulator(w, "POST", "/webhooks", { drop = true })
        emu("/onboard/" .. row(vendor).account, { transfers = "inactive",
            currently_due = { "individual.verification.document" },
            disabled_reason = "requirements.past_due" })
        local after = status(vendor)
        assert.is_false(after.transfersEnabled)
        assert.same({ "individual.verification.document" }, after.currentlyDue)
        assert.equal("requirements.past_due", after.disabledReason)
    end)

    it("tells what it knows, with its age, while Stripe is away", function()
        local vendor = w:vendor()
        w:onboard(vendor)
        story.all_told(w)
        local before = status(vendor)
        story.fault(w, { kind = "error_before", method = "GET", path = "/v1/accounts/*",
            times = 10 })
        local after = status(vendor)
        assert.same({ true, before.checkedAt }, { after.transfersEnabled, after.checkedAt })
    end)

    it("holds what a vendor without an account has earned, and sends it when it is ready "
        .. "(scenario 44)", function()
        local made = story.paid(w, { price = 6000 })
        story.ship(w, made.shop, story.part(w, made).id, "PROCESSING", "SHIPPED", "DELIVERED")
        w:expect(200, "POST", "/api/admin/payouts/run", w:admin(), client.json.decode("{}"))
        local function payout()
            return w:expect(200, "GET", "/api/vendor/payouts", made.shop).data[1]
        end
        assert.same({ "PENDING", "the vendor has no Stripe account", 5400 },
            { payout().status, payout().holdReason, payout().amount.amount })
        local account = w:onboard(made.shop)
        shell.wait_until("the payout is paid", 30, function()
            return payout().status == "PAID"
        end)
        assert.equal(client.null, payout().holdReason)
        assert.same({ stripe = -5400, [made.shop.vendor_id] = 5400 },
            story.postings(w, made.order.id, "transfer"))
        local sent = story.asked(w, "POST", "/v1/transfers")
        assert.equal(1, #sent)
        local transfers = emulator.call(w.stripe, "GET", "/v1/transfers?destination=" .. account)
        assert.equal(5400, transfers.json.data[1].amount)
    end)

    it("takes old news as a hint only", function()
        local vendor = w:vendor()
        link(vendor)
        story.emulator(w, "POST", "/webhooks", { hold = true })
        local account = row(vendor).account
        emu("/onboard/" .. account, { transfers = "inactive" })
        emu("/onboard/" .. account)
        story.emulator(w, "POST", "/webhooks", { shuffle = true, seed = 7, duplicate = 3 })
        story.emulator(w, "POST", "/webhooks", { release = true })
        shell.wait_until("the account is ready", 30, function()
            return row(vendor).transfers == "active"
        end)
        assert.equal(1, w.db:value(("select count(*) from outbox_events where type = "
            .. "'vendor.stripe_ready' and data ->> 'vendorId' = '%s'"):format(vendor.vendor_id)))
    end)

    --- A payout policy's turn, asked for now: what came of the vendor's payout.
    local function run(vendor)
        return w:expect(200, "POST", "/api/admin/payouts/run", w:admin(),
            { vendorId = vendor.vendor_id }).data[1].outcome
    end
    local function payout(vendor)
        return w:expect(200, "GET", "/api/vendor/payouts", vendor).data[1]
    end
    local function delivered(made)
        story.ship(w, made.shop, story.part(w, made).id, "PROCESSING", "SHIPPED", "DELIVERED")
    end
    local function wait_paid(vendor)
        shell.wait_until("the payout is paid", 30, function()
            return payout(vendor).status == "PAID"
        end)
    end
    --- What Stripe transferred to an account.
    local function arrived(account)
        local list = emulator.call(w.stripe, "GET", "/v1/transfers?destination=" .. account)
        local sum = 0
        for _, transfer in ipairs(list.json.data) do
            sum = sum + transfer.amount
        end
        return sum
    end

    it("raises an alert and lets transfers wait when the capability is lost (scenario 45)",
        function()
            local made = story.paid(w)
            local account = w:onboard(made.shop)
            emu("/onboard/" .. account, { transfers = "inactive",
                disabled_reason = "requirements.past_due" })
            shell.wait_until("the capability is lost", 30, function()
                return row(made.shop).transfers == "inactive"
            end)
            w.server:logged("stripe_account.transfers_lost", true)
            delivered(made)
            assert.equal("HINDERED", run(made.shop))
            assert.same({ "PENDING", "the vendor's Stripe account cannot receive transfers: "
                .. "requirements.past_due" },
                { payout(made.shop).status, payout(made.shop).holdReason })
            assert.equal(0, arrived(account))
            emu("/onboard/" .. account)
            wait_paid(made.shop)
            assert.equal(5400, arrived(account))
            assert.equal(1, story.count(w, "transfer", made.order.id))
        end)

    it("holds the payouts of a vendor that disconnected, until it has a new account (scenario 46)",
        function()
            local made = story.paid(w)
            local old = w:onboard(made.shop)
            emu("/deauthorize/" .. old)
            shell.wait_until("the vendor is disconnected", 30, function()
                return row(made.shop).status == "DEAUTHORIZED"
            end)
            w.server:logged("stripe_account.deauthorized", true)
            assert.same({ false, "DEAUTHORIZED" },
                { status(made.shop).connected, status(made.shop).status })
            delivered(made)
            assert.equal("HINDERED", run(made.shop))
            assert.same({ "PENDING", "the vendor has disconnected its Stripe account" },
                { payout(made.shop).status, payout(made.shop).holdReason })
            local new = w:onboard(made.shop)
            assert.not_equal(old, new)
            assert.same({ "OPEN", 2 }, { row(made.shop).status, row(made.shop).attempt })
            wait_paid(made.shop)
            assert.equal(5400, arrived(new))
        end)

    it("is given up by an administrator when Stripe gives no access and no news of it came",
        function()
            local vendor, admin = w:vendor(), w:admin()
            local old = w:onboard(vendor)
            story.emulator(w, "POST", "/webhooks", { drop = true })
            emu("/deauthorize/" .. old)
            assert.equal("account_not_ready", link(vendor).json.code)
            assert.is_true(status(vendor).connected)
            shell.wait_until("the sweep", 60, function()
                without_news()
                return w.server:log():find("stripe_account.no_access", 1, true)
            end)
            local path = "/api/admin/vendors/" .. vendor.vendor_id .. "/stripe/disconnect"
            assert.equal(422, w:request("POST", path, admin, client.json.decode("{}")).status)
            local given_up = w:expect(200, "POST", path, admin, { reason = "gone" })
            assert.equal("DEAUTHORIZED", given_up.status)
            assert.equal(409, w:request("POST", path, admin, { reason = "again" }).status)
            assert.equal(1, w.db:value("select count(*) from audit_log "
                .. "where action = 'vendor.stripe_disconnect' and reason = 'gone'"))
            story.emulator(w, "POST", "/webhooks", { drop = 0 })
            assert.not_equal(old, w:onboard(vendor))
        end)

    it("gives a new link when one was used up or is too old (scenario 47)", function()
        local vendor = w:vendor()
        local first = link(vendor)
        assert.equal(201, first.status)
        local function visit(url)
            local answer = client.request({ port = w.stripe.port, path = url:match("//[^/]+(.*)") })
            return answer.status, answer.headers.location
        end
        story.emulator(w, "POST", "/clock", { advance = 3600 })
        local code, back = visit(first.json.url)
        assert.equal(303, code)
        assert.matches("/api/stripe/onboarding/expired$", back)
        local second = link(vendor)
        assert.equal(200, second.status)
        assert.not_equal(first.json.url, second.json.url)
        assert.equal(200, (visit(second.json.url)))
        assert.equal(303, (visit(second.json.url)))
    end)

    it("keeps no link anywhere", function()
        local vendor = w:vendor()
        w:onboard(vendor)
        local links = { link(vendor).json.url,
            w:expect(200, "POST", "/api/vendor/stripe/login-link", vendor).url }
        for _, url in ipairs(links) do
            local secret = url:match("([^/]+)$")
            assert.is_true(#secret > 10)
            assert.equal(0, w.db:value(("select count(*) from stripe_ops where "
                .. "coalesce(response::text, '') || body like '%%%s%%'"):format(secret)))
            assert.is_nil(w.server:log():find(secret, 1, true))
        end
    end)

    it("goes on where it was when Stripe comes back", function()
        local vendor, before = w:register("VENDOR"), executed()
        story.fault(w, { kind = "error_before", method = "POST", path = "/v1/accounts",
            times = 1000 })
        local answer = link(vendor)
        assert.same({ 503, "payment_provider_unavailable", "CREATING" },
            { answer.status, answer.json.code, status(vendor).status })
        assert.equal("Stripe does not answer: try again shortly", answer.json.message)
        story.emulator(w, "DELETE", "/faults")
        shell.wait_until("a link", 20, function()
            answer = link(vendor)
            return answer.status == 200 or answer.status == 201
        end)
        assert.equal(before + 1, executed())
    end)

    it("lets nobody wait for a link that did not come, and sends it to nobody later", function()
        local vendor = w:vendor()
        link(vendor)
        story.fault(w, { kind = "error_before", method = "POST", path = "/v1/account_links",
            times = 3 })
        assert.equal(503, link(vendor).status)
        assert.equal(0, w.db:value("select count(*) from stripe_ops where kind = 'account_link' "
            .. "and state in ('NEW', 'SENT', 'UNKNOWN')"))
        assert.equal(200, link(vendor).status)
    end)

    it("asks about accounts that nobody has brought news of", function()
        local vendor = w:vendor()
        local account = w:onboard(vendor)
        story.emulator(w, "POST", "/webhooks", { drop = true })
        emu("/onboard/" .. account, { transfers = "inactive" })
        shell.wait_until("the sweep", 60, function()
            without_news()
            return row(vendor).transfers == "inactive"
        end)
    end)
end)
