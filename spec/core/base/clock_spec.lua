local clock = require("core.clock")

describe("core.clock", function()
    after_each(function()
        clock.shift_ms(0)
    end)

    local instants = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { 951782400123, "2000-02-29T00:00:00.123Z" },
        { 951868799999, "2000-02-29T23:59:59.999Z" },
        { 951868800000, "2000-03-01T00:00:00.000Z" },
        { 1769509800000, "2026-01-27T10:30:00.000Z" },
        { 4107542399999, "2100-02-28T23:59:59.999Z" },
        { 4107542400000, "2100-03-01T00:00:00.000Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
    }
    for _, instant in ipairs(instants) do
        local ms, text = unpack(instant)
        it("writes " .. text, function()
            assert.equal(text, clock.rfc3339(ms))
        end)
    end

    it("agrees with the C library on every day of 140 years", function()
        for day = 0, 140 * 365 do
            local expected = os.date("!%Y-%m-%dT%H:%M:%S.000Z", day * 86400)
            if expected ~= clock.rfc3339(day * 86400000) then
                error(expected .. " became " .. clock.rfc3339(day * 86400000))
            end
        end
    end)

    it("moves wall time, and not the monotonic clock, when shifted", function()
        local wall_ms, monotonic_us = clock.now_ms(), clock.monotonic_us()
        clock.shift_ms(3600000)
        assert.is_true(clock.now_ms() - wall_ms >= 3600000)
        assert.is_true(clock.monotonic_us() - monotonic_us < 60e6)
    end)
end)
