--- How many calls a second: in no stretch of T seconds more than burst + T * rate.
local stripe = require("core.stripe")

local MS = 1000

describe("the bucket", function()
    it("lets a burst go after a quiet time, then says how long to wait", function()
        local take = stripe.bucket(20, 5)
        for _ = 1, 5 do
            assert.equal(0, take(1000 * MS))
        end
        assert.equal(50 * MS, take(1000 * MS))
        assert.equal(20 * MS, take(1030 * MS))
        assert.equal(0, take(1050 * MS))
        assert.equal(50 * MS, take(1050 * MS))
    end)

    it("counts nothing when it refuses", function()
        local take = stripe.bucket(10, 1)
        assert.equal(0, take(0))
        for _ = 1, 100 do
            assert.equal(100 * MS, take(0))
        end
        assert.equal(0, take(100 * MS))
    end)

    it("saves no more than one burst, however long it was quiet", function()
        local take = stripe.bucket(20, 5)
        take(0)
        local far_us = 3600 * 1000 * MS
        local count = 0
        while take(far_us) == 0 do
            count = count + 1
        end
        assert.equal(5, count)
    end)

    for _, case in ipairs({ { 20, 5 }, { 80, 20 }, { 1, 1 }, { 500, 125 }, { 3, 2 } }) do
        local per_s, burst = unpack(case)
        it(("never passes %d a second and a burst of %d, asked every millisecond"):format(
            per_s, burst), function()
            local take = stripe.bucket(per_s, burst)
            local gone = {}
            for ms = 0, 5000 do
                while take(ms * MS) == 0 do
                    gone[#gone + 1] = ms
                end
            end
            -- Of any two, from and upto: upto - from + 1 <= burst + (their distance) * per_s.
            local least, most = math.huge, 0
            for number, ms in ipairs(gone) do
                local ahead = number - ms * per_s / 1000
                least = math.min(least, ahead)
                most = math.max(most, ahead - least + 1)
            end
            assert.is_true(most <= burst + 1e-6, most)
            assert.is_true(#gone >= 5 * per_s)
        end)
    end
end)
