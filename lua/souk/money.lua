--- Whole minor units. Every operation is exact up to 10^12 a sum; floats never hold a fraction of
-- money.
local floor = math.floor

local money = {}

local BPS_WHOLE = 10000
local AMOUNT_MAX = 1e12

--- floor(a * b / c) and the remainder, exact although a * b may be far beyond 2^53: schoolbook
-- multiplication by the bits of b. All whole and not negative; c at most 10^15.
local function multiply_divide(a, b, c)
    local quotient_a, rest_a = floor(a / c), a % c
    local quotient, rest = 0, 0
    local bit = 1
    while bit * 2 <= b do
        bit = bit * 2
    end
    while bit >= 1 do
        quotient, rest = quotient * 2, rest * 2
        if b >= bit then
            b = b - bit
            quotient, rest = quotient + quotient_a, rest + rest_a
        end
        while rest >= c do
            quotient, rest = quotient + 1, rest - c
        end
        bit = bit / 2
    end
    return quotient, rest
end

local function check_amount(amount)
    if type(amount) ~= "number" or amount % 1 ~= 0 or amount < 0 or amount > AMOUNT_MAX then
        error("an amount is a whole number from 0 to 10^12, not " .. tostring(amount), 3)
    end
end

--- The share of amount that is bps basis points, rounded down.
--- Raises unless amount is whole, from 0 to 10^12. Example: assert(money.bps(1999, 250) == 49)
function money.bps(amount, bps)
    check_amount(amount)
    return (multiply_divide(amount, bps, BPS_WHOLE))
end

--- amount cut in proportion to weights, by largest remainder; equal remainders go to the earlier
-- part. The parts always add up to amount. All weights 0: the first part gets everything.
-- Raises as bps does. Example: assert(table.concat(money.split(10, { 1, 1, 1 }), " ") == "4 3 3")
function money.split(amount, weights)
    check_amount(amount)
    local total = 0
    for _, weight in ipairs(weights) do
        check_amount(weight)
        total = total + weight
    end
    local parts, order, left = {}, {}, amount
    for i, weight in ipairs(weights) do
        local part, rest = 0, 0
        if total > 0 then
            part, rest = multiply_divide(amount, weight, total)
        end
        parts[i], order[i] = part, { index = i, rest = rest }
        left = left - part
    end
    table.sort(order, function(a, b)
        if a.rest ~= b.rest then
            return a.rest > b.rest
        end
        return a.index < b.index
    end)
    if total == 0 and #parts > 0 then
        parts[1] = amount
        return parts
    end
    for i = 1, left do
        parts[order[i].index] = parts[order[i].index] + 1
    end
    return parts
end

--- The JSON form.
--- Example: assert(money.of(1999, "USD").amount == 1999)
function money.of(amount, currency)
    return { amount = amount, currency = currency }
end

return money
