local timers = require("flows.timers")

describe("flows.timers", function()
    it("are led by one process, have names of their own and a pause", function()
        local names = {}
        for _, timer in ipairs(timers) do
            assert.is_true(timer.leader)
            assert.is_nil(names[timer.name])
            names[timer.name] = true
            assert.is_true(timer.every_ms >= 50)
            assert.equal("function", type(timer.run))
        end
        assert.is_true(names["orders.expire"])
    end)
end)
