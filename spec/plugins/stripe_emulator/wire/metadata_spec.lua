local metadata = require("stripe_emulator.wire.metadata")
local params = require("stripe_emulator.wire.params")

describe("Metadata", function()
    local before = { a = "1", b = "2" }
    local cases = {
        { "stays when nothing is asked", nil, { a = "1", b = "2" } },
        { "is merged key by key", { b = "3", c = "4" }, { a = "1", b = "3", c = "4" } },
        { "loses the keys that are emptied", { a = "" }, { b = "2" } },
        { "is cleared when unset", params.UNSET, {} },
    }
    for _, case in ipairs(cases) do
        it(case[1], function()
            assert.same(case[3], metadata.merge(case[2], before))
            assert.same({ a = "1", b = "2" }, before)
        end)
    end
end)
