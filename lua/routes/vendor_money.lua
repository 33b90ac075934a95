--- A vendor's money: what it has earned, what is due, what was paid.
local conf = require("core.conf")
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local TAGS = { "vendor money" }
local STATUSES = { "PENDING", "PROCESSING", "PAID", "FAILED", "ON_HOLD" }

local amount = s.integer({ min = -1e15, max = 1e15, example = 5400 })

local payout_fields = {
    id = s.uuid(),
    vendorId = s.uuid(),
    status = s.enum(STATUSES),
    provider = s.enum({ "stripe", "manual" }),
    amount = s.signed_money(),
    itemCount = s.integer({ min = 0 }),
    holdReason = s.nullable(s.string()),
    failureMessage = s.nullable(s.string()),
    reference = s.nullable(s.string()),
    takenAt = s.nullable(s.time()),
    paidAt = s.nullable(s.time()),
    createdAt = s.time(),
    updatedAt = s.time(),
}
local payout = s.define("Payout", s.object(payout_fields))

s.define("PayoutDetail", s.extend(s.object(payout_fields), {
    items = s.array(s.object({
        id = s.uuid(),
        kind = s.enum({
            "EARNING", "REFUND", "REFUND_FAILED", "REVERSAL", "TRANSFERRED", "DISPUTE",
            "DISPUTE_WON", "ADJUSTMENT",
        }),
        vendorOrderId = s.nullable(s.uuid()),
        amount = s.signed_money(),
        dueAt = s.nullable(s.time()),
        createdAt = s.time(),
    })),
    transfers = s.array(s.object({
        id = s.uuid(),
        status = s.enum({ "PENDING", "DONE", "FAILED" }),
        vendorOrderId = s.nullable(s.uuid()),
        amount = s.money(),
        reversed = s.money(),
        providerTransferId = s.nullable(s.string()),
        failureMessage = s.nullable(s.string()),
        createdAt = s.time(),
    })),
}))

web.get("/api/vendor/balance", {
    id = "vendor_money.balance", summary = "Pending, payable, paid and owed, by currency",
    tags = TAGS, roles = { "VENDOR" },
    answers = {
        [200] = s.object({
            data = s.array(s.object({
                currency = s.string({ format = "currency" }),
                pending = amount, payable = amount, paid = amount, owed = amount,
            })),
        }),
    },
}, function(req)
    local text, problem = db.json("vendor_money/balance", req.user.vendor_id, conf("currency"))
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end)

web.get("/api/vendor/ledger", {
    id = "vendor_money.ledger", summary = "The vendor's account, newest first: + is earned",
    tags = TAGS, roles = { "VENDOR" },
    query = page.query(),
    answers = {
        [200] = page.of(s.object({
            id = s.integer(), kind = s.string({ example = "paid" }), ref = s.string(),
            orderId = s.nullable(s.uuid()), amount = s.signed_money(), createdAt = s.time(),
        })),
    },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "vendor_money/ledger", total = "vendor_money/ledger_count",
        args = page.args(req.user.vendor_id), cursor = { "id" },
    })
end)

web.get("/api/vendor/payouts", {
    id = "vendor_money.payouts", summary = "One's own payouts, newest first", tags = TAGS,
    roles = { "VENDOR" },
    query = page.query({ status = s.optional(s.enum(STATUSES)) }),
    answers = { [200] = page.of(payout) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "payout/list", total = "payout/count",
        args = page.args(req.user.vendor_id, req.query.status), cursor = { "sort", "id" },
    })
end)

web.get("/api/vendor/payouts/{id}", {
    id = "vendor_money.payout", summary = "A payout with its items and transfers", tags = TAGS,
    roles = { "VENDOR" },
    params = { id = s.uuid() },
    answers = { [200] = s.ref("PayoutDetail") },
    errors = { "not_found" },
}, function(req)
    local text, problem = db.row_json("payout/get", req.params.id, req.user.vendor_id)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end)
