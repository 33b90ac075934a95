local clock = require("core.clock")
local crypto = require("core.crypto")

local PATTERN = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

describe("core.crypto.uuid7", function()
    after_each(function()
        clock.shift_ms(0)
    end)

    it("writes version 7 and the variant of RFC 9562", function()
        for _ = 1, 1000 do
            assert.truthy(crypto.uuid7():find(PATTERN))
        end
    end)

    it("begins with the milliseconds since 1970", function()
        local before_ms = clock.now_ms()
        local id = crypto.uuid7()
        local made_ms = tonumber(id:sub(1, 8) .. id:sub(10, 13), 16)
        assert.is_true(made_ms >= before_ms - 1 and made_ms <= clock.now_ms())
    end)

    it("ascends, within a millisecond too", function()
        local last = ""
        for _ = 1, 50000 do
            local id = crypto.uuid7()
            if id <= last then
                error(id .. " came after " .. last)
            end
            last = id
        end
    end)

    it("ascends when the clock is set back", function()
        local before = crypto.uuid7()
        clock.shift_ms(-60000)
        for _ = 1, 100 do
            local id = crypto.uuid7()
            assert.is_true(id > before)
            before = id
        end
    end)
end)

describe("core.crypto.is_uuid", function()
    local cases = {
        { "takes either case", "01A20713-50ec-71EC-97e2-1fb645e038d6", true },
        { "takes any version", "00000000-0000-0000-0000-000000000000", true },
        { "refuses braces", "{01a20713-50ec-71ec-97e2-1fb645e038d6}", false },
        { "refuses a short one", "01a20713-50ec-71ec-97e2-1fb645e038d", false },
        { "refuses a hyphen that moved", "01a2071350-ec-71ec-97e2-1fb645e038d6-", false },
        { "refuses a letter beyond f", "g1a20713-50ec-71ec-97e2-1fb645e038d6", false },
        { "refuses a NUL", "01a20713-50ec-71ec-97e2-1fb645e038d\0", false },
        { "refuses the empty text", "", false },
        { "refuses a number", 7, false },
        { "refuses nil", nil, false },
    }
    for _, case in ipairs(cases) do
        local name, text, expected = case[1], case[2], case[3]
        it(name, function()
            assert.equal(expected or false, crypto.is_uuid(text))
        end)
    end
end)
