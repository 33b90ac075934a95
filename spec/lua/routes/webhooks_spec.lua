--- What events do is in spec/lua/flows/inbox_spec.lua; here is who may send them, and how.
local client = require("spec.support.client")
local core_stripe = require("core.stripe")
local emulator = require("spec.support.emulator")
local world = require("spec.support.world")

local CONNECT_SECRET = "whsec_connect_specs"

describe("routes.webhooks", function()
    local w

    setup(function()
        w = world.start({
            is_without_webhooks = true,
            set = { ["stripe.connect_webhook_secrets"] = CONNECT_SECRET },
        })
    end)

    teardown(function()
        w:stop()
    end)

    for _, path in ipairs({ "/api/webhooks/stripe", "/api/webhooks/stripe/connect" }) do
        it("takes no token for a signature at " .. path, function()
            local answer = w:request("POST", path, w:admin(), { id = "evt_1" })
            assert.same({ 400, "bad_signature" }, { answer.status, answer.json.code })
        end)

        it("takes POST only at " .. path, function()
            local answer = w:request("GET", path)
            assert.same({ 405, "POST" },
                { answer.status, (answer.headers.allow or ""):match("POST") })
        end)
    end

    it("takes each endpoint's own secret only (scenario 36)", function()
        local secrets = {
            ["/api/webhooks/stripe"] = CONNECT_SECRET,
            ["/api/webhooks/stripe/connect"] = emulator.WEBHOOK_SECRET,
        }
        local body = client.json.encode({
            id = "evt_other", object = "event", type = "account.updated", created = os.time(),
            livemode = false, account = "acct_1", data = { object = { id = "acct_1" } },
        })
        for path, secret in pairs(secrets) do
            local answer = w:request("POST", path, nil, body,
                { ["Stripe-Signature"] = core_stripe.sign(body, secret, os.time()) })
            assert.same({ 400, "bad_signature" }, { answer.status, answer.json.code }, path)
        end
        assert.equal(0, w.db:value("select count(*) from stripe_events"))
    end)

    it("keeps nothing of what it refused", function()
        w:request("POST", "/api/webhooks/stripe", nil, { id = "evt_2" })
        assert.equal(0, w.db:value("select count(*) from stripe_events"))
    end)
end)
