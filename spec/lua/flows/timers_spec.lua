local timers = require("flows.timers")

--- What each worker has in memory it keeps true by itself.
local OF_EACH_WORKER = { ["geo.follow"] = true, ["geo.keep"] = true }

describe("flows.timers", function()
    it("are led by one process, have names of their own and a pause", function()
        local names = {}
        for _, timer in ipairs(timers) do
            assert.equal(not OF_EACH_WORKER[timer.name], timer.leader == true)
            assert.is_nil(names[timer.name])
            names[timer.name] = true
            assert.is_true(timer.every_ms >= (OF_EACH_WORKER[timer.name] and 20 or 50))
            assert.equal("function", type(timer.run))
        end
        assert.is_true(names["orders.expire"])
    end)
end)
