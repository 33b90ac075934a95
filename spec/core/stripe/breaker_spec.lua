--- When Stripe is left alone, and when it is asked again. Times are arguments, in milliseconds.
local stripe = require("core.stripe")

local OPEN_MS = 15000

--- Calls one after the other, one a `step` ms; outcomes is a text of "." (good) and "x" (bad).
local function feed(breaker, from_ms, outcomes, step)
    local now_ms = from_ms
    for outcome in outcomes:gmatch(".") do
        breaker:record(now_ms, outcome == "x", false)
        now_ms = now_ms + (step or 10)
    end
end

local function is_open(breaker, now_ms)
    return breaker:wait_ms(now_ms) > 0
end

describe("the breaker", function()
    for _, case in ipairs({
        { "stays closed below ten calls, all bad", "xxxxxxxxx", false },
        { "opens at the tenth", "xxxxxxxxxx", true },
        { "opens when half are bad", "..........xxxxxxxxxx", true },
        { "stays closed when fewer than half are", "..........xxxxxxxxx", false },
        { "counts what was good before", "....xxxxx.x", true },
        { "does not open by what is good", ".xxxx.....", false },
    }) do
        local name, outcomes, expected = unpack(case)
        it(name, function()
            local breaker = stripe.breaker(OPEN_MS)
            feed(breaker, 100000, outcomes)
            assert.equal(expected, is_open(breaker, 101000))
        end)
    end

    it("forgets what is older than thirty seconds", function()
        local breaker = stripe.breaker(OPEN_MS)
        feed(breaker, 100000, "xxxxxxxxx")
        feed(breaker, 131000, "x")
        assert.is_false(is_open(breaker, 131000))
        breaker = stripe.breaker(OPEN_MS)
        feed(breaker, 100000, "xxxxxxxxx")
        feed(breaker, 128000, "x")
        assert.is_true(is_open(breaker, 128100))
    end)

    local function opened()
        local breaker = stripe.breaker(OPEN_MS)
        feed(breaker, 100000, "xxxxxxxxxx", 0)
        return breaker
    end

    it("lets nothing go for its time, then one probe and nobody beside it", function()
        local breaker = opened()
        assert.same({ OPEN_MS, 1 }, { breaker:wait_ms(100000) })
        assert.same({ false, false }, { breaker:enter(100000 + OPEN_MS - 1) })
        assert.same({ true, true }, { breaker:enter(100000 + OPEN_MS) })
        assert.same({ false, false }, { breaker:enter(100000 + OPEN_MS) })
        assert.is_true(breaker:wait_ms(100000 + OPEN_MS) > 0)
    end)

    it("closes by a good probe, with nothing on record", function()
        local breaker = opened()
        breaker:enter(115000)
        breaker:record(115100, false, true)
        assert.same({ true, false }, { breaker:enter(115100) })
        feed(breaker, 115200, "xxxxxxxxx")
        assert.is_false(is_open(breaker, 115300))
    end)

    it("opens for as long again by a bad probe", function()
        local breaker = opened()
        breaker:enter(115000)
        breaker:record(116000, true, true)
        assert.same({ OPEN_MS, 2 }, { breaker:wait_ms(116000) })
    end)

    it("offers the probe again when it did not go", function()
        local breaker = opened()
        breaker:enter(115000)
        breaker:give_back(115000)
        assert.same({ true, true }, { breaker:enter(115000) })
    end)

    it("is not moved by late news of calls that went before it opened", function()
        local breaker = opened()
        feed(breaker, 101000, "...........")
        assert.is_true(is_open(breaker, 102000))
        breaker:enter(115000)
        breaker:record(115001, false, false)
        assert.same({ false, false }, { breaker:enter(115002) })
    end)
end)
