--- Where connected accounts may be, and the currency of each country: those whose currency the
-- emulator knows.
local countries = {}

local EURO = "AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"

local CURRENCIES = { US = "usd", GB = "gbp", IN = "inr", JP = "jpy" }
for code in EURO:gmatch("%a+") do
    CURRENCIES[code] = "eur"
end

--- "DE" -> "eur"; nil for a country that is not there.
function countries.currency(code)
    return CURRENCIES[code]
end

return countries
