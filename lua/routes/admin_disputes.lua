--- Disputes, for those who run the marketplace: they answer them.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local dispute_evidence = require("flows.dispute_evidence")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local STATES = { "INQUIRY", "OPEN", "WON", "LOST", "CLOSED" }

--- The texts of evidence, with more members beside them.
local function evidence_fields(more)
    local fields = more or {}
    for name, bytes_max in pairs(dispute_evidence.FIELDS) do
        fields[name] = s.optional(s.string({ min = 1, max = bytes_max }))
    end
    return fields
end

s.define("Dispute", s.object({
    id = s.uuid(),
    orderId = s.uuid(),
    paymentId = s.uuid(),
    providerDisputeId = s.string({ example = "dp_1" }),
    state = s.enum(STATES),
    providerStatus = s.string({ example = "needs_response" }),
    reason = s.string({ example = "product_not_received" }),
    amount = s.money(),
    fee = s.money(),
    isChargeRefundable = s.boolean(),
    vendorOrders = s.array(s.object({
        id = s.uuid(), vendorId = s.uuid(), amount = s.money(),
        liable = s.enum({ "PLATFORM", "VENDOR" }),
    })),
    evidence = s.object(evidence_fields()),
    evidenceState = s.enum({ "NONE", "SENDING", "SENT", "REFUSED" }),
    evidenceDueAt = s.nullable(s.time()),
    evidenceSubmittedAt = s.nullable(s.time()),
    openedAt = s.time(),
    closedAt = s.nullable(s.time()),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

web.get("/api/admin/disputes", {
    id = "admin_disputes.list", summary = "All disputes, newest first", tags = TAGS, roles = ROLES,
    query = page.query({
        state = s.optional(s.enum(STATES)),
        orderId = s.optional(s.uuid()),
    }),
    answers = { [200] = page.of(s.ref("Dispute")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "dispute/list", total = "dispute/count",
        args = page.args(req.query.state, req.query.orderId), cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/disputes/{id}", {
    id = "admin_disputes.get", summary = "A dispute", tags = TAGS, roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = s.ref("Dispute") },
    errors = { "not_found" },
}, function(req)
    local text, problem = db.row_json("dispute/get", req.params.id)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end)

web.post("/api/admin/disputes/{id}/evidence", {
    id = "admin_disputes.evidence", summary = "Answer a dispute with evidence", tags = TAGS,
    description = "Texts that are not given and that the order can tell (the goods, the buyer's "
        .. "name, the shipment) are filled in. Until it is submitted evidence can be sent again; "
        .. "afterwards, or past its date, it is 409.",
    roles = ROLES, idempotent = "transaction",
    params = { id = s.uuid() },
    body = s.object(evidence_fields({ submit = s.boolean() })),
    answers = { [202] = s.ref("Dispute") },
    errors = { "not_found", "conflict" },
    example = {
        shipping_carrier = "DHL", shipping_tracking_number = "JD0146",
        uncategorized_text = "Signed for by the buyer.", submit = true,
    },
}, function(req)
    local text, problem = dispute_evidence.send(req.params.id, {
        given = req.body, is_submitted = req.body.submit, actor_id = req.user.id,
        request_id = req.id,
    })
    if not text then
        return nil, problem
    end
    return web.accepted(web.json(text))
end)
