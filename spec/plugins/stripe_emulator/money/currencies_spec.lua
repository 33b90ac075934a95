local currencies = require("stripe_emulator.money.currencies")

describe("An amount", function()
    local cases = {
        { 5, "usd", "$0.05" }, { 100, "usd", "$1.00" }, { 123456, "eur", "€1,234.56" },
        { 99999999, "usd", "$999,999.99" }, { 100000, "gbp", "£1,000.00" }, { 50, "jpy", "¥50" },
        { 1234567, "jpy", "¥1,234,567" }, { 999, "inr", "₹9.99" },
    }
    for _, case in ipairs(cases) do
        it("of " .. case[1] .. " " .. case[2] .. " is shown as " .. case[3], function()
            assert.equal(case[3], currencies.format(case[1], case[2]))
        end)
    end
end)
