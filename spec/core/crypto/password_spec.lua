local clock = require("core.clock")
local crypto = require("core.crypto")
local parallel = require("core.parallel")

local function took_us(work, ...)
    local began_us = clock.monotonic_us()
    work(...)
    return clock.monotonic_us() - began_us
end

describe("core.crypto.password_allowed", function()
    local cases = {
        { "refuses 7 bytes", ("a"):rep(7), false },
        { "allows 8 bytes", ("a"):rep(8), true },
        { "allows 72 bytes", ("a"):rep(72), true },
        { "refuses 73 bytes, which bcrypt would cut", ("a"):rep(73), false },
        { "counts bytes, not letters", ("é"):rep(37), false },
        { "refuses a NUL, at which bcrypt would stop", "longenough\0tail", false },
    }
    for _, case in ipairs(cases) do
        local name, password, expected = unpack(case)
        it(name, function()
            assert.equal(expected, crypto.password_allowed(password))
        end)
    end
end)

describe("core.crypto.hash_password", function()
    it("makes a bcrypt hash of its own salt each time", function()
        local first = assert(crypto.hash_password("correct horse"))
        local second = assert(crypto.hash_password("correct horse"))
        assert.truthy(first:find("^%$2b%$%d%d%$" .. ("[./%w]"):rep(53) .. "$"))
        assert.not_equal(first, second)
    end)

    it("refuses what password_allowed refuses", function()
        local hash, err = crypto.hash_password(("a"):rep(73))
        assert.is_nil(hash)
        assert.equal("validation_failed", err.code)
    end)

    it("raises for what is no text", function()
        assert.has_error(function()
            crypto.hash_password({})
        end)
    end)

    it("answers all of several at once", function()
        local jobs = {}
        for i = 1, 8 do
            jobs[i] = function()
                local password = "password number " .. i
                return crypto.check_password(password, crypto.hash_password(password))
            end
        end
        for _, result in ipairs(parallel(unpack(jobs))) do
            assert.is_true(result.value)
        end
    end)
end)

describe("core.crypto.check_password", function()
    local long = ("b"):rep(72)
    local hash, long_hash
    setup(function()
        hash = assert(crypto.hash_password("correct horse"))
        long_hash = assert(crypto.hash_password(long))
    end)

    it("accepts the password that was hashed", function()
        assert.is_true(crypto.check_password("correct horse", hash))
    end)

    it("knows a hash that another bcrypt made", function()
        -- jBCrypt's test vector for "abcdefghijklmnopqrstuvwxyz", prefix 2a written as 2b.
        local vector = "$2b$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"
        assert.is_true(crypto.check_password("abcdefghijklmnopqrstuvwxyz", vector))
    end)

    it("refuses another password", function()
        assert.is_false(crypto.check_password("correct horsf", hash))
    end)

    it("does not take 72 equal bytes and a 73rd for the password", function()
        assert.is_true(crypto.check_password(long, long_hash))
        assert.is_false(crypto.check_password(long .. "x", long_hash))
    end)

    it("refuses what is no bcrypt hash", function()
        local odd_ones = { "", "*0", "plain", "$1$salt$abc", hash:sub(1, -2), "$2b$10$short" }
        for _, odd in ipairs(odd_ones) do
            assert.is_false(crypto.check_password("correct horse", odd))
        end
    end)

    it("takes as long for an account that does not exist", function()
        local known_us, unknown_us = math.huge, math.huge
        for _ = 1, 10 do
            known_us = math.min(known_us, took_us(crypto.check_password, "wrong password", hash))
            unknown_us = math.min(unknown_us, took_us(crypto.check_password, "wrong password", nil))
        end
        assert.is_false(crypto.check_password("wrong password", nil))
        assert.is_true(unknown_us > known_us / 2 and unknown_us < known_us * 2)
    end)
end)
