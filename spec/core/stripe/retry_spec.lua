local stripe = require("core.stripe")

local function answered(status, should_retry)
    return {
        outcome = "answered",
        status = status,
        headers = function(name)
            return name == "Stripe-Should-Retry" and should_retry or nil
        end,
    }
end

describe("core.stripe.retry with attempts left", function()
    local cases = {
        { "is done with 200", answered(200), "done" },
        { "is done with 400", answered(400), "done" },
        { "is done with 402", answered(402), "done" },
        { "is done with 429, as the SDK is", answered(429), "done" },
        { "tries again after 409", answered(409), "retry" },
        { "tries again after 500", answered(500), "retry" },
        { "tries again after 503", answered(503), "retry" },
        { "does what Stripe-Should-Retry: true says", answered(429, "true"), "retry" },
        { "does what Stripe-Should-Retry: true says at 200", answered(200, "true"), "retry" },
        { "stops when Stripe says so", answered(400, "false"), "done" },
        { "does not know after a last 500", answered(500, "false"), "unknown" },
        { "does not know after a last 409", answered(409, "false"), "unknown" },
        { "tries again what was not sent", { outcome = "not_sent" }, "retry" },
        { "tries again what is unknown", { outcome = "unknown" }, "retry" },
        { "never tries again when TLS failed", { outcome = "tls" }, "fatal" },
        { "never tries again what we refused", { outcome = "refused" }, "fatal" },
        { "does not know what a too large answer said", { outcome = "too_large" }, "unknown" },
    }
    for _, case in ipairs(cases) do
        local name, answer, expected = unpack(case)
        it(name, function()
            assert.equal(expected, (stripe.retry(1, 3, answer)))
        end)
    end
end)

describe("core.stripe.retry at the last attempt", function()
    local cases = {
        { "is done with an answer", 1, answered(402), "done" },
        { "does not know what a 500 did", 1, answered(500), "unknown" },
        { "does not know what a 409 did", 1, answered(409), "unknown" },
        { "does not know what was lost", 1, { outcome = "unknown" }, "unknown" },
        { "knows that nothing was sent at all", 1, { outcome = "not_sent" }, "fatal" },
        { "minds the attempts before", 2, { outcome = "not_sent" }, "unknown" },
        { "minds the attempts before a TLS failure", 2, { outcome = "tls" }, "unknown" },
    }
    for _, case in ipairs(cases) do
        local name, attempt, answer, expected = unpack(case)
        it(name, function()
            local verdict, sleep_ms = stripe.retry(attempt, attempt, answer)
            assert.equal(expected, verdict)
            assert.is_nil(sleep_ms)
        end)
    end
end)

describe("the pause of core.stripe.retry", function()
    local cases = {
        { 1, 0, 500 },
        { 1, 0.999, 500 },
        { 2, 0, 500 },
        { 2, 0.5, 750 },
        { 3, 0, 1000 },
        { 4, 0.5, 3000 },
        { 5, 0, 2500 },
        { 50, 0.5, 3750 },
    }
    for _, case in ipairs(cases) do
        local attempt, random_01, expected_ms = unpack(case)
        it(("after attempt %d at %.1f is %d ms"):format(attempt, random_01, expected_ms), function()
            local _, sleep_ms = stripe.retry(attempt, 99, { outcome = "unknown" }, random_01)
            assert.is_true(math.abs(expected_ms - sleep_ms) <= 1)
        end)
    end

    it("is drawn anew each time, from half a second to five", function()
        local seen, kinds = {}, 0
        for _ = 1, 200 do
            local _, sleep_ms = stripe.retry(6, 99, { outcome = "unknown" })
            assert.is_true(sleep_ms >= 2500 and sleep_ms <= 5000)
            kinds = kinds + (seen[sleep_ms] and 0 or 1)
            seen[sleep_ms] = true
        end
        assert.is_true(kinds > 50)
    end)
end)

describe("core.stripe.key_refusal", function()
    local api, emulator = "https://api.stripe.com", "http://127.0.0.1:3002"
    local cases = {
        { "lets a test key go to Stripe", "sk_test_1", api, false, true },
        { "lets a test key go to the emulator", "sk_test_1", emulator, false, true },
        { "lets a test key go to localhost", "sk_test_1", "http://localhost:1", false, true },
        { "lets a live key go when live is set", "sk_live_1", api, true, true },
        { "keeps a live key at home otherwise", "sk_live_1", api, false, false },
        { "never sends a live key to the emulator", "sk_live_1", emulator, true, false },
        { "never sends a live key elsewhere", "sk_live_1", "https://evil.example", true, false },
        { "never sends a key in the clear", "sk_test_1", "http://api.stripe.com", false, false },
        {
            "is not fooled by a name that begins like this machine",
            "sk_test_1",
            "http://127.0.0.1.evil.example",
            false,
            false,
        },
        {
            "is not fooled by a user name",
            "sk_test_1",
            "http://localhost:1@evil.example/",
            false,
            false,
        },
        { "knows a publishable key from a secret one", "pk_test_1", api, false, false },
        { "refuses the empty key", "", api, false, false },
        { "refuses a key with a line end", "sk_test_1\r\nX: y", api, false, false },
    }
    for _, case in ipairs(cases) do
        local name, key, base_url, live, is_good = unpack(case)
        it(name, function()
            local reason = stripe.key_refusal(key, base_url, live)
            assert.equal(is_good, reason == nil)
        end)
    end
end)
