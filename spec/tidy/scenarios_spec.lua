--- The sixty scenarios of payments: each is shown by a spec that names its number.
local tree = require("spec.support.tree")

local COUNT = 60

describe("The scenarios of payments", function()
    it("are each named by a spec", function()
        local is_named = {}
        for _, path in ipairs(tree.files("_spec%.lua$", "spec plugins")) do
            tree.each_line(path, function(line)
                for numbers in line:gmatch("scenarios? =? ?([%d, and]+)") do
                    for number in numbers:gmatch("%d+") do
                        is_named[tonumber(number)] = true
                    end
                end
            end)
        end
        local missing = {}
        for number = 1, COUNT do
            if not is_named[number] then
                missing[#missing + 1] = number
            end
        end
        assert.same({}, missing)
    end)
end)
