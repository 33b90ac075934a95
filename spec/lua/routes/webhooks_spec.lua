--- What events do is in spec/lua/flows/inbox_spec.lua; here is who may send them, and how.
local world = require("spec.support.world")

describe("routes.webhooks", function()
    local w

    setup(function()
        w = world.start({ is_without_webhooks = true })
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

    it("keeps nothing of what it refused", function()
        w:request("POST", "/api/webhooks/stripe", nil, { id = "evt_2" })
        assert.equal(0, w.db:value("select count(*) from stripe_events"))
    end)
end)
