local clock = require("core.clock")
local parallel = require("core.parallel")
local sleep = require("core.sleep")

--- The coarse clock of timers is a scheduler tick off at most; a shared machine adds to that.
local EARLY_MS, LATE_MS = 4, 5000

local function took_ms(run)
    local began_us = clock.monotonic_us()
    run()
    return (clock.monotonic_us() - began_us) / 1000
end

describe("the loop", function()
    for _, ms in ipairs({ 0, 1, 20, 120 }) do
        it("wakes who sleeps " .. ms .. " ms, not before and not much later", function()
            local ms_taken = took_ms(function()
                sleep(ms)
            end)
            assert.is_true(ms_taken >= ms - EARLY_MS, ms_taken .. " ms")
            assert.is_true(ms_taken <= ms + LATE_MS, ms_taken .. " ms")
        end)
    end

    it("counts from when it is asked, however long the turn had taken by then", function()
        sleep(1)
        local until_us = clock.monotonic_us() + 60000
        while clock.monotonic_us() < until_us do end
        local ms_taken
        parallel(function()
            sleep(10) -- wakes the loop on the way
        end, function()
            ms_taken = took_ms(function()
                sleep(40)
            end)
        end)
        assert.is_true(ms_taken >= 40 - EARLY_MS, ms_taken .. " ms")
    end)

    it("wakes sleepers in the order of their times, whoever slept first", function()
        local woken = {}
        local sleepers = {}
        for i, ms in ipairs({ 90, 10, 50, 30, 70 }) do
            sleepers[i] = function()
                sleep(ms)
                woken[#woken + 1] = ms
            end
        end
        local ms_taken = took_ms(function()
            parallel(unpack(sleepers))
        end)
        assert.same({ 10, 30, 50, 70, 90 }, woken)
        assert.is_true(ms_taken < 90 + LATE_MS)
    end)

    it("has room for thousands of timers at once", function()
        local sleepers = {}
        for i = 1, 64 do
            sleepers[i] = function()
                for _ = 1, 30 do
                    sleep(1)
                end
                return i
            end
        end
        local results = parallel(unpack(sleepers))
        for i = 1, 64 do
            assert.equal(i, results[i].value)
        end
    end)
end)
