--- What souk says to Stripe, judged by Stripe's OpenAPI document; what the official SDK signs,
-- judged by souk. One story that has everything in it: vendors who connect, purchases, refunds,
-- payouts, reversals, a dispute, calls whose outcome is not known.
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local json = require("core.json")
local money = require("spec.lua.payout_story")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local tools = require("spec.conformance.tools")
local world = require("spec.support.world")

--- What the story must have made, or it is not the whole story.
local OPERATIONS = {
    "POST /v1/payment_intents", "GET /v1/payment_intents/{intent}",
    "POST /v1/payment_intents/{intent}/cancel", "POST /v1/refunds", "GET /v1/refunds",
    "POST /v1/accounts", "GET /v1/accounts/{account}", "POST /v1/account_links",
    "POST /v1/accounts/{account}/login_links", "POST /v1/transfers", "GET /v1/transfers",
    "POST /v1/transfers/{id}/reversals", "POST /v1/disputes/{dispute}", "GET /v1/balance",
    "GET /v1/events",
}

local function intent_of(made)
    return made.payment.clientSecret:match("^(pi_%w+)_secret")
end

describe("What souk sends to Stripe", function()
    local w, missing

    setup(function()
        missing = tools.missing()
        if not missing then
            w = world.start({ set = {
                ["stripe.resend_after_s"] = 1, ["stripe.events_every_s"] = 1,
            } })
        end
    end)

    teardown(function()
        if w then
            w:stop()
        end
    end)

    --- Two calls are done by Stripe and answered with a failure, so they are looked for.
    local function sell_and_take_back(shop)
        local made = money.delivered(w, { shop = shop })
        story.fault(w, { kind = "error_after", method = "POST", path = "/v1/transfers" })
        money.paid_out(w, shop)
        story.fault(w, { kind = "error_after", method = "POST", path = "/v1/refunds" })
        money.refund(w, made, { amount = 1000 })
        money.settled(w, made)
        return made
    end

    --- The vendor's account has nothing when it is taken back from.
    local function take_back_too_late(shop, account)
        local made = money.delivered(w, { shop = shop })
        money.paid_out(w, shop)
        story.emulator(w, "POST", "/clock", { advance = 10 * 86400 })
        story.emulator(w, "POST", "/payouts", { account = account, run = true })
        money.refund(w, made, {})
        money.settled(w, made)
    end

    local function dispute(shop)
        local made = story.paid(w, { shop = shop })
        story.emulator(w, "POST", "/dispute/" .. intent_of(made), {})
        local id
        shell.wait_until("the dispute is known", 30, function()
            local list = w:expect(200, "GET", "/api/admin/disputes", w:admin()).data
            id = list[1] and list[1].id
            return id
        end)
        w:expect(202, "POST", "/api/admin/disputes/" .. id .. "/evidence", w:admin(),
            { uncategorized_text = "Signed for.", submit = true })
    end

    local function cancel()
        local made = story.ordered(w)
        w:payment(made.buyer, made.order)
        w:expect(200, "POST", "/api/orders/" .. made.order.id .. "/cancel", made.buyer,
            { reason = "spec" })
    end

    local function journal()
        local answer = client.request({ port = w.stripe.port, path = "/_emu/journal" })
        return answer.body, answer.json.data
    end

    local function has_made(operations)
        local found = {}
        for _, name in ipairs(operations) do
            found[name] = true
        end
        local left = {}
        for _, name in ipairs(OPERATIONS) do
            left[#left + 1] = not found[name] and name or nil
        end
        return left
    end

    local function judged()
        local text = journal()
        local path = w.server.home .. "/journal.json"
        shell.write(path, text:match('^{"data":(.*)}%s*$'))
        local output = shell.must("node spec/conformance/requests.mjs " .. shell.quote(path))
        return json.decode(output:match("([^\n]+)\n$"))
    end

    it("is what Stripe documents, all of it", function()
        if missing then
            return tools.skip(missing)
        end
        local shop = w:vendor()
        local account = w:onboard(shop)
        w:expect(200, "POST", "/api/vendor/stripe/login-link", shop)
        sell_and_take_back(shop)
        take_back_too_late(shop, account)
        dispute(shop)
        cancel()
        local verdict
        shell.wait_until("the whole story is told", 60, function()
            verdict = judged()
            return #has_made(verdict.operations) == 0 or #verdict.faults > 0
        end)
        assert.same({}, verdict.faults)
        assert.same({}, has_made(verdict.operations))
        assert.is_true(verdict.count > 30, verdict.count)
    end)

    it("has a key with every change, and names the version it was written for", function()
        if missing then
            return tools.skip(missing)
        end
        local _, entries = journal()
        for _, entry in ipairs(entries) do
            local what = entry.method .. " " .. entry.path
            assert.equal(entry.method == "POST", entry.idempotency_key ~= nil, what)
            assert.equal("2023-08-16", entry.version, what)
        end
    end)

    local ENDPOINTS = {
        { "the platform", "", emulator.WEBHOOK_SECRET, emulator.CONNECT_WEBHOOK_SECRET },
        { "connected accounts", "/connect", emulator.CONNECT_WEBHOOK_SECRET,
            emulator.WEBHOOK_SECRET },
    }
    for _, case in ipairs(ENDPOINTS) do
        local whose, suffix, secret, other = unpack(case)
        it("is answered by events that the SDK signs, of " .. whose, function()
            if missing then
                return tools.skip(missing)
            end
            local path = w.server.home .. "/event.json"
            local account = suffix ~= "" and "acct_signed" or nil
            local body = json.encode({
                id = "evt_signed" .. #suffix, object = "event", type = "product.created",
                created = os.time(), livemode = false, api_version = "2023-08-16",
                account = account, data = { object = { id = "prod_1", object = "product" } },
                request = json.null, pending_webhooks = 1,
            })
            shell.write(path, body)
            local function posted(with)
                local signature = shell.must("node spec/conformance/sign.mjs "
                    .. shell.quote(with) .. " " .. shell.quote(path)):gsub("%s+$", "")
                return client.request({
                    port = w.port, method = "POST", path = "/api/webhooks/stripe" .. suffix,
                    body = body, headers = {
                        ["Stripe-Signature"] = signature, ["Content-Type"] = "application/json",
                    },
                }).status
            end
            assert.equal(200, posted(secret))
            assert.equal(400, posted(other))
        end)
    end
end)
