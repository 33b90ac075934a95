--- Payouts from Stripe balances to banks: the platform's own, which are in the books, and vendors'.
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local IS_PLATFORM = { PLATFORM = true, VENDOR = false }

web.get("/api/admin/bank-payouts", {
    id = "admin_bank_payouts.list", summary = "From Stripe balances to banks, newest first",
    tags = { "admin money" }, roles = { "ADMIN" },
    query = page.query({
        owner = s.optional(s.enum({ "PLATFORM", "VENDOR" })),
        vendorId = s.optional(s.uuid()),
        status = s.optional(s.enum({ "PENDING", "IN_TRANSIT", "PAID", "FAILED", "CANCELLED" })),
    }),
    answers = { [200] = page.of(s.ref("BankPayout")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "bank_payout/list", total = "bank_payout/count",
        args = page.args(req.query.vendorId, req.query.status, IS_PLATFORM[req.query.owner]),
        cursor = { "sort", "id" },
    })
end)
