local calendar = require("stripe_emulator.money.calendar")

describe("A moment", function()
    it("is in the day that the calendar says", function()
        for day = -400, 60000, 7 do
            local at = day * calendar.DAY_S + 3599
            assert.equal(tonumber(os.date("!%d", at)), calendar.day_of_month(at), at)
            assert.equal(os.date("!%A", at + calendar.DAY_S):lower(),
                calendar.weekday(at + calendar.DAY_S))
            assert.equal(day * calendar.DAY_S, calendar.midnight(at))
        end
        assert.equal(29, calendar.day_of_month(1709164800))
        assert.equal(1, calendar.day_of_month(1709251200))
    end)
end)
