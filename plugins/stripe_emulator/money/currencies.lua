--- The currencies the emulator charges in: exponent, least amount and how an amount is shown.
local currencies = {}

local AMOUNT_MAX = 99999999

local TABLE = {
    usd = { exponent = 2, min = 50, sign = "$" },
    eur = { exponent = 2, min = 50, sign = "€" },
    gbp = { exponent = 2, min = 30, sign = "£" },
    inr = { exponent = 2, min = 50, sign = "₹" },
    jpy = { exponent = 0, min = 50, sign = "¥" },
}

currencies.AMOUNT_MAX = AMOUNT_MAX

function currencies.find(code)
    return TABLE[code]
end

function currencies.names()
    local names = {}
    for code in pairs(TABLE) do
        names[#names + 1] = code
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- 123456, "usd" -> "$1,234.56".
function currencies.format(amount, code)
    local currency = TABLE[code]
    local scale = 10 ^ currency.exponent
    local whole = ("%d"):format(math.floor(amount / scale))
    local grouped = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
    if currency.exponent == 0 then
        return currency.sign .. grouped
    end
    return ("%s%s.%0" .. currency.exponent .. "d"):format(currency.sign, grouped, amount % scale)
end

return currencies
