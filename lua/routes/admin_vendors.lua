local audit = require("souk.audit")
local auth = require("souk.auth")
local catalogue = require("flows.catalogue")
local db = require("souk.db")
local err = require("souk.err")
local events = require("souk.events")
local page = require("souk.page")
local schema = require("souk.schema")
local stripe_account = require("flows.stripe_account")
local web = require("souk.web")
local s = schema

local TAGS = { "admin" }
local ADMIN = { "ADMIN" }

local STEPS = {
    { "approve", "Let a vendor sell", PENDING = true, to = "ACTIVE", past = "approved" },
    { "reject", "Refuse a vendor", PENDING = true, to = "REJECTED", past = "rejected" },
    { "suspend", "Take a vendor off the market", ACTIVE = true, to = "SUSPENDED",
        past = "suspended" },
    { "reinstate", "Let a suspended vendor sell again", SUSPENDED = true, to = "ACTIVE",
        past = "reinstated" },
}

web.get("/api/admin/vendors", {
    id = "admin.vendors.list", summary = "Vendors in any status", tags = TAGS, roles = ADMIN,
    query = page.query({
        status = s.optional(s.enum({ "PENDING", "ACTIVE", "SUSPENDED", "REJECTED" })),
        q = s.optional(s.string({ min = 1, max = 100, example = "ada" })),
    }),
    answers = { [200] = page.of(s.ref("Vendor")) },
}, function(req)
    return page.list(req, {
        query = "vendor/list", total = "vendor/count",
        args = page.args(req.query.status, page.like(req.query.q)), cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/vendors/{id}", {
    id = "admin.vendors.detail", summary = "A vendor in any status, and what Stripe knows of it",
    tags = TAGS, roles = ADMIN,
    params = { id = s.uuid() },
    answers = {
        [200] = s.object({ vendor = s.ref("Vendor"), stripe = s.ref("StripeAccount") }),
    },
    errors = { "not_found" },
}, function(req)
    local vendor, problem = db.row_json("vendor/detail", req.params.id, false)
    if not vendor then
        return nil, problem or err.not_found()
    end
    local stripe, failure = db.row_json("stripe_account/status", req.params.id)
    if not stripe then
        return nil, failure
    end
    return { vendor = web.json(vendor), stripe = web.json(stripe) }
end)

local function take(req, step)
    return db.tx(function()
        local row, problem = db.one("vendor/lock", req.params.id)
        if not row then
            return nil, problem or err.not_found()
        elseif not step[row.status] then
            return nil,
                err.illegal_step(("a vendor that is %s cannot be %s"):format(row.status, step.past))
        end
        return db.batch({
            { "vendor/set_status", row.id, step.to },
            events.entry("vendor." .. step.past, { vendorId = row.id, userId = row.user_id }),
            audit.entry({
                actor = req.user.id, action = "vendor." .. step[1], object = "vendor:" .. row.id,
                before = { status = row.status }, after = { status = step.to },
                reason = req.body.reason, request_id = req.id,
            }),
        })
    end)
end

for _, step in ipairs(STEPS) do
    web.post("/api/admin/vendors/{id}/" .. step[1], {
        id = "admin.vendors." .. step[1], summary = step[2], tags = TAGS, roles = ADMIN,
        params = { id = s.uuid() },
        body = s.object({
            reason = s.optional(s.string({ min = 1, max = 1000, example = "Papers are in order" })),
        }),
        answers = { [200] = s.ref("Vendor") },
        errors = { "illegal_step" },
    }, function(req)
        local is_taken, problem = take(req, step)
        if not is_taken then
            return nil, problem
        end
        catalogue.changed("vendor", req.params.id)
        auth.changed()
        local text, failure = db.row_json("vendor/detail", req.params.id, false)
        if not text then
            return nil, failure
        end
        return web.json(text)
    end)
end

web.post("/api/admin/vendors/{id}/stripe/disconnect", {
    id = "admin.vendors.disconnect", summary = "Give a vendor's Stripe account up",
    description = "For an account that Stripe no longer gives us access to, when the news of that "
        .. "was lost. Payouts wait until the vendor has connected another one.",
    tags = TAGS, roles = ADMIN,
    params = { id = s.uuid() },
    body = s.object({
        reason = s.string({ min = 1, max = 1000, example = "Gone at Stripe since Monday" }),
    }),
    answers = { [200] = s.ref("StripeAccount") },
    errors = { "illegal_step" },
}, function(req)
    local is_done, problem = stripe_account.disconnect(req.params.id,
        { id = req.user.id, reason = req.body.reason, request_id = req.id })
    if not is_done then
        return nil, problem
    end
    local text, failure = db.row_json("stripe_account/status", req.params.id)
    if not text then
        return nil, failure
    end
    return web.json(text)
end)
