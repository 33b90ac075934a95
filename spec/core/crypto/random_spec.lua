local crypto = require("core.crypto")

local makers = { random_hex = { "^%x+$", 2 }, random_base62 = { "^%w+$", 1 } }
for name, rule in pairs(makers) do
    local pattern, letters_each = unpack(rule)
    describe("core.crypto." .. name, function()
        it("has the length asked for and only its letters", function()
            for _, count in ipairs({ 1, 2, 16, 63, 64, 65, 256 }) do
                local text = crypto[name](count)
                assert.equal(count * letters_each, #text)
                assert.truthy(text:find(pattern))
            end
        end)

        it("does not repeat itself", function()
            local seen = {}
            for _ = 1, 2000 do
                local text = crypto[name](12)
                assert.is_nil(seen[text])
                seen[text] = true
            end
        end)

        it("refuses 0, 257 and texts", function()
            for _, count in ipairs({ 0, 257, -1, "many" }) do
                assert.has_error(function()
                    crypto[name](count)
                end)
            end
        end)
    end)
end

describe("core.crypto.random_base62", function()
    it("favours no letter", function()
        local counts, letters, drawn = {}, 0, 62 * 2000
        for _ = 1, drawn / 248 do
            for letter in crypto.random_base62(248):gmatch(".") do
                if not counts[letter] then
                    counts[letter], letters = 0, letters + 1
                end
                counts[letter] = counts[letter] + 1
            end
        end
        assert.equal(62, letters)
        -- Each count is 2000 with a deviation of 44: seven deviations do not come by chance.
        for letter, count in pairs(counts) do
            assert.is_true(math.abs(count - 2000) < 310, letter .. " came " .. count .. " times")
        end
    end)
end)
