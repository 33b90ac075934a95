--- Payouts and their transfers, for those who run the marketplace.
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local payout = require("flows.payout")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local STATUSES = { "PENDING", "PROCESSING", "PAID", "FAILED", "ON_HOLD" }
local STEP_ERRORS = { "not_found", "illegal_step" }

local PAYOUT = s.ref("PayoutDetail")

local function reason(example)
    local text = s.string({ min = 1, max = 500, is_line = true, example = example })
    return s.object({ reason = text })
end

local function get(id)
    local text, problem = db.row_json("payout/get", id, nil)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end

web.get("/api/admin/payouts", {
    id = "admin_payouts.list", summary = "All payouts, newest first", tags = TAGS, roles = ROLES,
    query = page.query({
        vendorId = s.optional(s.uuid()),
        status = s.optional(s.enum(STATUSES)),
    }),
    answers = { [200] = page.of(s.ref("Payout")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "payout/list", total = "payout/count",
        args = page.args(req.query.vendorId, req.query.status), cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/payouts/file", {
    id = "admin_payouts.file", summary = "Payouts by hand that are on their way, for a bank",
    tags = TAGS, roles = ROLES,
    description = "A file by RFC 4180, one line a payout, oldest first. When the bank has paid, "
        .. "mark each one.",
    query = s.object({ currency = s.optional(s.string({ format = "currency" })) }),
    answers = { [200] = s.string() }, media = { [200] = "text/csv" },
}, function(req)
    local row, problem = db.one("payout/file", req.query.currency)
    if not row then
        return nil, problem
    end
    return web.csv("payouts.csv", row.text)
end)

web.get("/api/admin/payouts/{id}", {
    id = "admin_payouts.get", summary = "A payout with its items and transfers", tags = TAGS,
    roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = PAYOUT },
    errors = { "not_found" },
}, function(req)
    return get(req.params.id)
end)

web.post("/api/admin/payouts/run", {
    id = "admin_payouts.run", summary = "Pay what is due, whatever day the policy names",
    tags = TAGS, roles = ROLES, idempotent = "resumable",
    description = "One vendor after the other, each at once or not at all. force: also below the "
        .. "policy's minimum. isComplete false: not all had their turn, ask again.",
    body = s.object({
        vendorId = s.optional(s.uuid()),
        force = s.optional(s.boolean()),
        reason = s.optional(s.string({ max = 500 })),
    }),
    answers = {
        [200] = s.object({
            isComplete = s.boolean(),
            data = s.array(s.object({
                vendorId = s.uuid(),
                outcome = s.enum({ "TAKEN", "NOTHING_DUE", "BELOW_MINIMUM", "HINDERED" }),
                payoutId = s.nullable(s.uuid()),
                amount = s.signed_money(),
            })),
        }),
    },
    example = { force = false },
}, function(req)
    local results, is_complete = payout.run({
        vendor_id = req.body.vendorId, is_forced = req.body.force,
    })
    if not results then
        return nil, is_complete
    end
    local data = {}
    for i, result in ipairs(results) do
        data[i] = {
            vendorId = result.vendor_id, outcome = result.outcome,
            payoutId = result.payout_id or json.null,
            amount = { amount = result.amount_minor, currency = result.currency },
        }
    end
    return { isComplete = is_complete, data = json.array(data) }
end)

--- A step of one payout: act(id, text, by) of flows/payout.lua, where the text is body[field].
local function step(name, declaration, field, act)
    declaration.id = "admin_payouts." .. name:gsub("-", "_")
    declaration.tags, declaration.roles = TAGS, ROLES
    declaration.idempotent = "transaction"
    declaration.params = { id = s.uuid() }
    declaration.answers, declaration.errors = { [200] = PAYOUT }, STEP_ERRORS
    web.post("/api/admin/payouts/{id}/" .. name, declaration, function(req)
        local id, problem = act(req.params.id, req.body[field],
            { id = req.user.id, request_id = req.id })
        if not id then
            return nil, problem
        end
        return get(id)
    end)
end

step("hold", {
    summary = "Set an open payout aside", body = reason("the address looks odd"),
    example = { reason = "the address looks odd" },
}, "reason", payout.hold)

step("release", {
    summary = "Let a payout that was set aside go on",
    description = "What was gathered since moves into it.",
    body = reason("the address is right"), example = { reason = "the address is right" },
}, "reason", payout.release)

step("retry", {
    summary = "Open a payout that has failed again",
    description = "The next run takes it. One that a bank had returned stays as it is; the answer "
        .. "is the open payout that has its items now.",
    body = reason("the account is mended"), example = { reason = "the account is mended" },
}, "reason", payout.retry)

step("mark-paid", {
    summary = "A bank has paid a payout by hand",
    body = s.object({
        reference = s.string({ min = 1, max = 200, is_line = true, example = "SEPA 20261123-1" }),
    }),
    example = { reference = "SEPA 20261123-1" },
}, "reference", payout.mark_paid)

step("mark-failed", {
    summary = "A bank has not paid a payout by hand, or has returned it",
    body = reason("account closed"), example = { reason = "account closed" },
}, "reason", payout.mark_failed)

s.define("Transfer", s.object({
    id = s.uuid(),
    payoutId = s.uuid(),
    vendorId = s.uuid(),
    vendorOrderId = s.nullable(s.uuid()),
    destination = s.string({ example = "acct_1" }),
    status = s.enum({ "PENDING", "DONE", "FAILED" }),
    amount = s.money(),
    reversed = s.money(),
    providerTransferId = s.nullable(s.string()),
    failureCode = s.nullable(s.string()),
    failureMessage = s.nullable(s.string()),
    reversals = s.array(s.object({
        id = s.uuid(),
        status = s.enum({ "PENDING", "SHORT", "DONE", "CARRIED" }),
        refundId = s.nullable(s.uuid()),
        disputeId = s.nullable(s.uuid()),
        wanted = s.money(),
        reversed = s.money(),
        providerReversalId = s.nullable(s.string()),
        failureCode = s.nullable(s.string()),
        createdAt = s.time(),
    })),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

web.get("/api/admin/transfers", {
    id = "admin_payouts.transfers", summary = "Transfers with their reversals, newest first",
    tags = TAGS, roles = ROLES,
    query = page.query({
        vendorId = s.optional(s.uuid()),
        status = s.optional(s.enum({ "PENDING", "DONE", "FAILED" })),
        payoutId = s.optional(s.uuid()),
    }),
    answers = { [200] = page.of(s.ref("Transfer")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    local q = req.query
    return page.list(req, {
        query = "transfer/list", total = "transfer/count",
        args = page.args(q.vendorId, q.status, q.payoutId), cursor = { "sort", "id" },
    })
end)
