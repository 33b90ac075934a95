--- The payout policy's answer is input: checked, and without effect when it makes no sense.
local payout_policy = require("flows.payout_policy")

describe("payout_policy.check", function()
    it("fills in what a policy leaves out", function()
        assert.same({
            transfer_when = "DELIVERED", hold_days = 0, minimum = 0,
            schedule = { every = "daily" }, provider = "stripe", dispute_liable = "PLATFORM",
            dispute_reverses = false,
        }, payout_policy.check({}))
    end)

    for text, schedule in pairs({
        daily = { every = "daily" }, manual = { every = "manual" },
        ["weekly:MON"] = { every = "weekly", day = 1 },
        ["monthly:31"] = { every = "monthly", day = 31 },
    }) do
        it("knows the schedule " .. text, function()
            assert.same(schedule, payout_policy.check({ schedule = text }).schedule)
        end)
    end

    for _, case in ipairs({
        { "what is no table", 10 },
        { "a moment that orders do not have", { transfer_when = "SOON" } },
        { "a part of a day", { hold_days = 0.5 } },
        { "days before the delivery", { hold_days = -1 } },
        { "no number of days", { hold_days = 0 / 0 } },
        { "a negative minimum", { minimum = -1 } },
        { "a minimum in text", { minimum = "100" } },
        { "a provider that is not built", { provider = "paypal" } },
        { "a weekday that is none", { schedule = "weekly:XYZ" } },
        { "the 32nd", { schedule = "monthly:32" } },
        { "a liability for nobody", { dispute_liable = "BUYER" } },
        { "a maybe", { dispute_reverses = 1 } },
        { "a field it does not know: a typo must not be lost", { hold_day = 3 } },
    }) do
        it("refuses " .. case[1], function()
            local checked, problem = payout_policy.check(case[2])
            assert.is_nil(checked)
            assert.equal("string", type(problem))
        end)
    end
end)

describe("payout_policy.is_today", function()
    local MONDAY_23_NOVEMBER_2026 = 1795392000
    local DAY_S = 86400

    local function on(schedule, days)
        return payout_policy.is_today(schedule, MONDAY_23_NOVEMBER_2026 + days * DAY_S + 5)
    end

    it("is every day, or none", function()
        assert.same({ true, false }, { on({ every = "daily" }, 0), on({ every = "manual" }, 0) })
    end)

    it("is one day of the week", function()
        local monday = { every = "weekly", day = 1 }
        assert.same({ true, false, false, true },
            { on(monday, 0), on(monday, 1), on(monday, 6), on(monday, 7) })
    end)

    it("is one day of the month, or its last when it has no such day", function()
        local last = { every = "monthly", day = 31 }
        assert.same({ false, true, false, true }, -- 29 and 30 November, 1 and 31 December
            { on(last, 6), on(last, 7), on(last, 8), on(last, 38) })
        assert.same({ true, false },
            { on({ every = "monthly", day = 23 }, 0), on({ every = "monthly", day = 23 }, 1) })
    end)
end)
