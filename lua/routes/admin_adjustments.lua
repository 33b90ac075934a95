--- Corrections of the books: proposed by one administrator, approved by another.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local adjustment = require("flows.adjustment")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local STATUSES = { "PROPOSED", "POSTED", "REJECTED" }

local person = s.object({ id = s.uuid(), email = s.string() })
local postings = s.array(s.object({
    account = s.string({ min = 4, max = 60, example = "loss" }),
    amount = s.integer({ min = -1e12, max = 1e12, example = 250 }),
}), { min = 2, max = 50, example = {
    { account = "loss", amount = 250 },
    { account = "vendor:0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", amount = -250 },
} })
local reason = s.string({ min = 1, max = 1000, is_line = true, example = "Parcel lost by us" })

s.define("Adjustment", s.object({
    id = s.uuid(),
    status = s.enum(STATUSES),
    currency = s.string({ format = "currency" }),
    postings = postings,
    reason = s.string(),
    orderId = s.nullable(s.uuid()),
    proposedBy = person,
    decidedBy = s.nullable(person),
    decidedAt = s.nullable(s.time()),
    createdAt = s.time(),
}))

local function get(id)
    local text, problem = db.row_json("adjustment/list", nil, id, nil, nil, 1, 0)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end

local function actor_of(req)
    return { user_id = req.user.id, request_id = req.id }
end

web.get("/api/admin/adjustments", {
    id = "admin_adjustments.list", summary = "Adjustments, newest first", tags = TAGS,
    roles = ROLES,
    query = page.query({ status = s.optional(s.enum(STATUSES)) }),
    answers = { [200] = page.of(s.ref("Adjustment")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "adjustment/list", total = "adjustment/count",
        args = page.args(req.query.status, nil), cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/adjustments/{id}", {
    id = "admin_adjustments.get", summary = "An adjustment", tags = TAGS, roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = s.ref("Adjustment") },
    errors = { "not_found" },
}, function(req)
    return get(req.params.id)
end)

web.post("/api/admin/adjustments", {
    id = "admin_adjustments.propose", summary = "Propose a correction of the books", tags = TAGS,
    roles = ROLES, idempotent = "transaction",
    description = "Amounts are minor units, debit +, credit -, and add up to 0. Nothing is posted "
        .. "until another administrator approves. What a vendor's account gets or gives is netted "
        .. "in its next payout, and its statement shows the reason. A reason that names an object "
        .. "of Stripe (tr_…, ch_…, txn_…) makes reconciliation count the posting on stripe as that "
        .. "object's.",
    body = s.object({
        currency = s.string({ format = "currency" }),
        reason = reason,
        orderId = s.optional(s.uuid()),
        postings = postings,
    }),
    answers = { [201] = s.ref("Adjustment") },
}, function(req)
    local id, problem = adjustment.propose(req.body, actor_of(req))
    if not id then
        return nil, problem
    end
    local made, failure = get(id)
    if not made then
        return nil, failure
    end
    return web.created("/api/admin/adjustments/" .. id, made)
end)

for action, step in pairs({
    approve = { "POSTED", "Post an adjustment that another administrator proposed" },
    reject = { "REJECTED", "Refuse an adjustment, or withdraw one's own" },
}) do
    web.post("/api/admin/adjustments/{id}/" .. action, {
        id = "admin_adjustments." .. action, summary = step[2], tags = TAGS, roles = ROLES,
        idempotent = "transaction",
        params = { id = s.uuid() },
        body = s.object({ reason = s.optional(reason) }),
        answers = { [200] = s.ref("Adjustment") },
        errors = action == "approve" and { "not_found", "illegal_step", "second_person_required" }
            or { "not_found", "illegal_step" },
    }, function(req)
        local is_done, problem = adjustment.decide(req.params.id, step[1], req.body.reason,
            actor_of(req))
        if not is_done then
            return nil, problem
        end
        return get(req.params.id)
    end)
end
