-- Which orders are not taken: {allowed = true}, or {allowed = false, message = "…"} for the buyer.
local TOTAL_MAX = 99999999 -- what one card payment can hold
local LINES_MAX = 500

return {
    kind = "limits",
    version = 1,
    note = "what can be paid at once",
    evaluate = function(order)
        if order.total > TOTAL_MAX then
            return { allowed = false, message = "the order is worth more than one payment can be" }
        elseif order.lines > LINES_MAX then
            return { allowed = false, message = "an order has at most " .. LINES_MAX .. " lines" }
        end
        return { allowed = true }
    end,
    examples = {
        { given = { total = 10000, lines = 2, currency = "USD" }, expect = { allowed = true } },
        { given = { total = 100000000, lines = 2 }, expect = { allowed = false } },
        { given = { total = 100, lines = 501 }, expect = { allowed = false } },
    },
}
