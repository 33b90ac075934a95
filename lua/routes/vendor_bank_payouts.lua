--- Payouts from a vendor's Stripe balance to its bank: Stripe's affair, and shown here.
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local STATUSES = { "PENDING", "IN_TRANSIT", "PAID", "FAILED", "CANCELLED" }

local bank_payout = s.define("BankPayout", s.object({
    id = s.uuid(),
    vendorId = s.nullable(s.uuid()),
    providerPayoutId = s.string({ example = "po_1Q4fGh2eZvKYlo2C" }),
    amount = s.signed_money(),
    status = s.enum(STATUSES),
    failureMessage = s.nullable(s.string({ example = "the bank account is closed" })),
    arrivesAt = s.nullable(s.time()),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

web.get("/api/vendor/bank-payouts", {
    id = "vendor_bank_payouts.list",
    summary = "From one's Stripe balance to the bank, newest first",
    tags = { "vendor money" }, roles = { "VENDOR" },
    query = page.query({ status = s.optional(s.enum(STATUSES)) }),
    answers = { [200] = page.of(bank_payout) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "bank_payout/list", total = "bank_payout/count",
        args = page.args(req.user.vendor_id, req.query.status, nil), cursor = { "sort", "id" },
    })
end)
