local kept = require("souk.kept")
local parallel = require("core.parallel")
local shared = require("core.shared")
local sleep = require("core.sleep")

local function counter()
    local made = 0
    return function()
        made = made + 1
        sleep(20)
        return made
    end, function()
        return made
    end
end

describe("kept", function()
    it("makes a value once, until the counter moves", function()
        local values, make = kept.new({ epoch = "catalogue", ttl_us = 60e6, max = 10 }), counter()
        assert.equal(1, values:get("a", make))
        assert.equal(1, values:get("a", make))
        shared.bump("catalogue")
        assert.equal(2, values:get("a", make))
    end)
    it("makes it anew when it is old", function()
        local values, make = kept.new({ epoch = "catalogue", ttl_us = 1000, max = 10 }), counter()
        values:get("a", make)
        sleep(5)
        assert.equal(2, values:get("a", make))
    end)
    it("lets those wait who come while the first is made", function()
        local values = kept.new({ epoch = "catalogue", ttl_us = 60e6, max = 10 })
        local make, made = counter()
        local function ask()
            return values:get("a", make)
        end
        local results = parallel(ask, ask, ask, ask)
        for i = 1, 4 do
            assert.equal(1, results[i].value)
        end
        assert.equal(1, made())
    end)
    it("gives the old value to those who come while the next is made", function()
        local values = kept.new({ epoch = "catalogue", ttl_us = 1000, max = 10 })
        local make, made = counter()
        values:get("a", make)
        sleep(5)
        local results = parallel(function()
            return values:get("a", make)
        end, function()
            sleep(5)
            return values:get("a", make)
        end)
        assert.same({ 2, 1 }, { results[1].value, results[2].value })
        assert.equal(2, made())
    end)
    it("keeps no failure", function()
        local values = kept.new({ epoch = "catalogue", ttl_us = 60e6, max = 10 })
        local value, problem = values:get("a", function()
            return nil, "away"
        end)
        assert.is_nil(value)
        assert.equal("away", problem)
        assert.equal("back", values:get("a", function()
            return "back"
        end))
    end)
    it("keeps no more than it may", function()
        local values = kept.new({ epoch = "catalogue", ttl_us = 60e6, max = 3 })
        for i = 1, 20 do
            values:get("key" .. i, function()
                return i
            end)
            assert.is_true(values.count <= 4)
        end
    end)
end)
