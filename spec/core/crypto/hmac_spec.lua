local crypto = require("core.crypto")

describe("core.crypto.hmac_sha256", function()
    -- RFC 4231, cases 1, 2, 3 and 6.
    local vectors = {
        {
            ("\11"):rep(20),
            "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        },
        {
            "Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        },
        {
            ("\170"):rep(20),
            ("\221"):rep(50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        },
        {
            ("\170"):rep(131),
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        },
    }
    for i, vector in ipairs(vectors) do
        local key, data, expected = unpack(vector)
        it("agrees with RFC 4231, vector " .. i, function()
            assert.equal(expected, crypto.hmac_sha256(key, data))
        end)
    end

    it("does not take the key of the call before for an empty one", function()
        local empty = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        crypto.hmac_sha256("key", "data")
        assert.equal(empty, crypto.hmac_sha256("", ""))
    end)
end)

describe("core.crypto.sha256", function()
    it("agrees with FIPS 180-2", function()
        assert.equal(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            crypto.sha256("abc")
        )
        assert.equal(
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            crypto.sha256("")
        )
    end)
end)

describe("core.crypto.equal", function()
    local cases = {
        { "holds for equal texts", "abc\0d", "abc\0d", true },
        { "holds for empty texts", "", "", true },
        { "sees a difference behind a NUL", "abc\0d", "abc\0e", false },
        { "sees another length", "abc", "abcd", false },
    }
    for _, case in ipairs(cases) do
        local name, a, b, expected = unpack(case)
        it(name, function()
            assert.equal(expected, crypto.equal(a, b))
        end)
    end
end)

describe("core.crypto.fingerprint", function()
    it("is the same for the same text", function()
        assert.equal(crypto.fingerprint("souk"), crypto.fingerprint("so" .. "uk"))
        assert.matches("^%x+$", crypto.fingerprint(""))
        assert.equal(16, #crypto.fingerprint(""))
    end)

    it("tells apart texts that differ in one bit, in length or in order", function()
        local seen, count = {}, 0
        local function add(text)
            local print = crypto.fingerprint(text)
            assert.is_nil(seen[print], text)
            seen[print], count = text, count + 1
        end
        for length = 0, 150 do
            local zeros = ("\0"):rep(length)
            add(zeros)
            for at = 1, length do
                for bit = 0, 7 do
                    add(zeros:sub(1, at - 1) .. string.char(2 ^ bit) .. zeros:sub(at + 1))
                end
            end
        end
        local a, b = ("a"):rep(16), ("b"):rep(16)
        add(a .. b)
        add(b .. a)
        assert.is_true(count > 80000)
    end)
end)
