-- What the platform keeps of each vendor order, in whole minor units. fee_bps is the setting
-- fee.bps.
local BPS_DEFAULT = 1000

return {
    kind = "fee",
    version = 1,
    note = "a share of the subtotal, rounded down: the remainder is the vendor's",
    evaluate = function(order)
        local bps = order.fee_bps or BPS_DEFAULT
        return { fee = money.bps(order.subtotal, bps), reason = "bps:" .. bps }
    end,
    examples = {
        { given = { subtotal = 6000, currency = "USD", fee_bps = 1000 }, expect = { fee = 600 } },
        {
            given = { subtotal = 4000, currency = "USD" },
            expect = { fee = 400, reason = "bps:1000" },
        },
        { given = { subtotal = 19, currency = "USD", fee_bps = 1000 }, expect = { fee = 1 } },
        { given = { subtotal = 0, currency = "USD" }, expect = { fee = 0 } },
        { given = { subtotal = 500, currency = "JPY", fee_bps = 10000 }, expect = { fee = 500 } },
    },
}
