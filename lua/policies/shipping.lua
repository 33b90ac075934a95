-- What sending one vendor's part of an order costs its buyer, in whole minor units: the vendor's to
-- keep, and no base of the platform's fee. {refuse = "…"} tells a buyer why it cannot be sent.
return {
    kind = "shipping",
    version = 1,
    note = "sending is in the price",
    evaluate = function(_part)
        return { amount = 0, reason = "free" }
    end,
    examples = {
        {
            given = { subtotal = 6000, currency = "USD", buyer = { country = "PT" } },
            expect = { amount = 0, reason = "free" },
        },
    },
}
