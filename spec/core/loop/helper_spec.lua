local crypto = require("core.crypto")
local parallel = require("core.parallel")
local sleep = require("core.sleep")

local PARALLEL_MAX = 64

--- Starts groups of 64 hashes at once; how many were made and how many were refused, by code.
local function hash_groups(groups)
    local one_group = {}
    for i = 1, PARALLEL_MAX do
        one_group[i] = function()
            local hash, err = crypto.hash_password("password to hash")
            return hash and "made" or err.code
        end
    end
    local jobs = {}
    for i = 1, groups do
        jobs[i] = function()
            return parallel(unpack(one_group))
        end
    end
    local counts = { made = 0, busy = 0 }
    for _, group in ipairs(parallel(unpack(jobs))) do
        for _, result in ipairs(group.value) do
            counts[result.value] = counts[result.value] + 1
        end
    end
    return counts
end

describe("the helper threads", function()
    it("answer busy beyond their queue, and everything else", function()
        -- Two threads and 64 places: 2048 at once do not fit, however late this thread is.
        local counts = hash_groups(32)
        assert.is_true(counts.busy > 0)
        assert.is_true(counts.made >= 64)
        assert.equal(2048, counts.made + counts.busy)
    end)

    it("are free again afterwards", function()
        assert.is_string(crypto.hash_password("password to hash"))
    end)

    it("do not hold up the loop", function()
        local turns, is_done = 0, false
        parallel(function()
            hash_groups(1)
            is_done = true
        end, function()
            while not is_done do
                sleep(1)
                turns = turns + 1
            end
        end)
        assert.is_true(turns >= 3, "the loop turned " .. turns .. " times beside 64 hashes")
    end)
end)
