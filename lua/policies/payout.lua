-- When a vendor is paid, how, and who bears a lost dispute. Asked per vendor and currency; when it
-- is for a dispute, `status` is the vendor order's and `reason` the dispute's, else both are nil.
-- What is left out has the default that README.md names.
local HOLD_DAYS = 0
local MINIMUM = 0

return {
    kind = "payout",
    version = 1,
    note = "earnings are transferred when the goods are delivered, every day",
    evaluate = function(_input)
        return {
            transfer_when = "DELIVERED",
            hold_days = HOLD_DAYS,
            minimum = MINIMUM,
            schedule = "daily",
            provider = "stripe",
            dispute_liable = "PLATFORM",
            dispute_reverses = false,
        }
    end,
    examples = {
        {
            given = { vendor = { id = "v", tier = "none", country = "US" }, currency = "USD" },
            expect = {
                transfer_when = "DELIVERED", hold_days = 0, minimum = 0, schedule = "daily",
                provider = "stripe",
            },
        },
        {
            given = {
                vendor = { id = "v", tier = "gold" }, currency = "EUR", status = "DELIVERED",
                reason = "fraudulent",
            },
            expect = { dispute_liable = "PLATFORM", dispute_reverses = false },
        },
    },
}
