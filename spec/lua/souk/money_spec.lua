local money = require("souk.money")

local function sum(parts)
    local total = 0
    for _, part in ipairs(parts) do
        total = total + part
    end
    return total
end

describe("money.bps", function()
    local cases = {
        { "takes ten percent", 6000, 1000, 600 },
        { "rounds down, so the remainder is the vendor's", 9999, 1000, 999 },
        { "is nothing of nothing", 0, 1000, 0 },
        { "is exact where amount times basis points is beyond 2^53", 1e12, 9999, 999900000000 },
        { "is exact for an odd amount beyond 2^53 over 10000", 999999999999, 9999, 999899999999 },
        { "takes all at 10000", 123456789, 10000, 123456789 },
    }
    for _, case in ipairs(cases) do
        local name, amount, bps, expected = unpack(case)
        it(name, function()
            assert.equal(expected, money.bps(amount, bps))
        end)
    end

    it("gives fee and earnings that add up to every subtotal", function()
        for subtotal = 0, 2000, 7 do
            local fee = money.bps(subtotal, 1234)
            assert.equal(math.floor(subtotal * 1234 / 10000), fee)
        end
    end)

    for _, wrong in ipairs({ -1, 1.5, 2 ^ 53, "600", 1e12 + 1 }) do
        it("refuses the amount " .. tostring(wrong), function()
            assert.has_error(function()
                money.bps(wrong, 1000)
            end)
        end)
    end
end)

describe("money.split", function()
    local cases = {
        { "gives the larger remainder the odd cent", 100, { 1, 1, 1 }, { 34, 33, 33 } },
        { "follows the weights", 10000, { 6000, 4000 }, { 6000, 4000 } },
        { "prefers the larger remainder to the earlier part", 10, { 1, 5, 6 }, { 1, 4, 5 } },
        { "gives everything to the first when no part weighs", 7, { 0, 0 }, { 7, 0 } },
        { "leaves a part of no weight empty", 9, { 0, 3 }, { 0, 9 } },
        { "splits nothing into nothing", 0, { 2, 3 }, { 0, 0 } },
        {
            "is exact where products are beyond 2^53", 1e12, { 999999999999, 1, 333333333333 },
            { 749999999999, 1, 250000000000 },
        },
    }
    for _, case in ipairs(cases) do
        local name, amount, weights, expected = unpack(case)
        it(name, function()
            assert.same(expected, money.split(amount, weights))
        end)
    end

    it("adds up to the amount, whatever the weights", function()
        local seed = 42
        local function random(below)
            seed = (seed * 16807) % 2147483647
            return seed % below
        end
        for _ = 1, 2000 do
            local amount, weights = random(100000), {}
            for i = 1, 1 + random(9) do
                weights[i] = random(5000)
            end
            assert.equal(amount, sum(money.split(amount, weights)), "seed 42")
        end
    end)
end)
