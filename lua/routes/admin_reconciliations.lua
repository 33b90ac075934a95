--- Comparisons of the ledger with Stripe's own books.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local reconciliation = require("flows.reconciliation")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local STATUSES = { "RUNNING", "DONE", "FAILED" }
local FINDINGS_MAX = 1000

local count = s.integer({ min = 0 })
local amount = s.nullable(s.integer({ min = -1e15, max = 1e15, example = -5400 }))

local fields = {
    id = s.uuid(),
    status = s.enum(STATUSES),
    since = s.time(),
    ["until"] = s.time(),
    gathered = count,
    compared = count,
    findings = count,
    failureMessage = s.nullable(s.string()),
    createdAt = s.time(),
    finishedAt = s.nullable(s.time()),
}
local row = s.define("Reconciliation", s.object(fields))

s.define("ReconciliationDetail", s.extend(s.object(fields), {
    data = s.array(s.object({
        id = s.uuid(),
        kind = s.enum({
            "MISSING_IN_LEDGER", "MISSING_AT_STRIPE", "AMOUNT_DIFFERS", "FEE_DIFFERS",
            "BALANCE_DIFFERS", "TRANSFERS_DIFFER",
        }),
        objectId = s.nullable(s.string({ example = "tr_1Q4fZx8" })),
        currency = s.string({ format = "currency" }),
        ours = amount,
        theirs = amount,
        note = s.string(),
    })),
}))

web.get("/api/admin/reconciliations", {
    id = "admin_reconciliations.list", summary = "Comparisons with Stripe's books, newest first",
    tags = TAGS, roles = ROLES,
    query = page.query({ status = s.optional(s.enum(STATUSES)) }),
    answers = { [200] = page.of(row) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "reconciliation/list", total = "reconciliation/count",
        args = page.args(req.query.status), cursor = { "sort", "id" },
    })
end)

web.post("/api/admin/reconciliations", {
    id = "admin_reconciliations.start", summary = "Compare the ledger with Stripe's books now",
    description = "One runs a day by itself (setting reconcile.every_s). Without since it begins a "
        .. "day before the end of the last one. Findings are told and never corrected: what is "
        .. "right to do, people decide (adjustments).",
    tags = TAGS, roles = ROLES, idempotent = "transaction",
    body = s.object({ since = s.optional(s.time()) }),
    answers = {
        [202] = s.object({ id = s.uuid(), status = s.enum({ "RUNNING" }) }),
    },
    errors = { "conflict" },
}, function(req)
    local made, problem = reconciliation.start(req.body.since, req.user.id)
    if not made then
        return nil, problem
    end
    return web.accepted(made)
end)

web.get("/api/admin/reconciliations/{id}", {
    id = "admin_reconciliations.get", summary = "A comparison with its findings",
    description = "Amounts are minor units as Stripe counts them: + into its balance. null: that "
        .. "side does not know the object. At most 1000 findings are shown.",
    tags = TAGS, roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = s.ref("ReconciliationDetail") },
    errors = { "not_found" },
}, function(req)
    local text, problem = db.row_json("reconciliation/get", req.params.id, FINDINGS_MAX)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end)
