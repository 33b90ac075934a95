local json = require("core.json")
local stripe = require("core.stripe")

local SECRET = "whsec_test"
local NOW_S = 1760000000

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

local function refusal(body, header, changes)
    changes = changes or {}
    return stripe.webhook_refusal(
        body,
        header,
        changes.secrets or { SECRET },
        changes.now_s or NOW_S,
        300
    )
end

describe("core.stripe.webhook_refusal", function()
    -- Made with Stripe's own SDK, which says "accept" or why not.
    local vectors = assert(json.decode(read("spec/fixtures/webhook-vectors.json")))
    -- The SDK has no upper bound; a time far ahead would be a signature that never gets old.
    local stricter = { future_3600 = true }

    it("is tried on all vectors", function()
        assert.equal(20, #vectors)
    end)

    for _, vector in ipairs(vectors) do
        it("judges as the SDK does: " .. vector.name, function()
            local reason = stripe.webhook_refusal(
                vector.payload,
                vector.header,
                { vector.secret },
                vector.now,
                vector.tolerance
            )
            if vector.sdk == "accept" and not stricter[vector.name] then
                assert.is_nil(reason)
            else
                assert.is_string(reason)
            end
        end)
    end

    it("accepts what sign made, for the whole tolerance and not longer", function()
        local header = stripe.sign("{}", SECRET, NOW_S)
        for shift_s, is_good in pairs({
            [-301] = false,
            [-300] = true,
            [0] = true,
            [300] = true,
            [301] = false,
        }) do
            local reason = refusal("{}", header, { now_s = NOW_S + shift_s })
            assert.equal(is_good, reason == nil)
        end
    end)

    it("accepts either secret during a rollover", function()
        local header = stripe.sign("{}", "whsec_old", NOW_S)
        assert.is_nil(refusal("{}", header, { secrets = { "whsec_new", "whsec_old" } }))
        assert.is_string(refusal("{}", header, { secrets = { "whsec_new" } }))
    end)

    it("refuses everything without a secret, and never takes an empty one", function()
        assert.is_string(refusal("{}", stripe.sign("{}", SECRET, NOW_S), { secrets = {} }))
        assert.is_string(refusal("{}", stripe.sign("{}", "", NOW_S), { secrets = { "" } }))
    end)

    it("signs bytes: a NUL and what follows count", function()
        local header = stripe.sign("a\0b", SECRET, NOW_S)
        assert.is_nil(refusal("a\0b", header))
        assert.is_string(refusal("a\0c", header))
        assert.is_string(refusal("a", header))
    end)

    it("refuses odd headers without failing", function()
        for _, header in ipairs({
            ",",
            "t",
            "t=",
            "t=,v1=",
            "v1",
            "t=-1,v1=00",
            "t=99999999999999999999,v1=00",
            ("v1=00,"):rep(1000) .. "t=1",
            "\0",
        }) do
            assert.is_string(refusal("{}", header))
        end
        assert.is_string(refusal("{}", nil))
    end)
end)
