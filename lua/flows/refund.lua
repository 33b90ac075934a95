--- Giving money back. The books are posted when a refund is opened
--- (sql/functions/refund_open.sql); the call to Stripe is an operation queued in that same
--- transaction, sent by the sweep within a second. A refund that Stripe cannot make is taken back
--- in the books and shows in GET /admin/jobs.
local conf = require("core.conf")
local crash = require("core.crash")
local crypto = require("core.crypto")
local log = require("core.log")
local db = require("souk.db")
local inbox = require("flows.inbox")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local refund = {}

local value = stripe_api.value

--- Stripe's statuses that are final failures; all others but succeeded are on their way.
local FAILED = { failed = true, canceled = true }

--- Queues the call for an opened refund, in the transaction that opened it.
function refund.queue(refund_id)
    local facts, problem = db.one("refund/facts", refund_id)
    if not facts then
        return nil, problem
    end
    local op, failure = stripe_ops.add({
        kind = "refund_create", ref_id = refund_id, key = ("re:%s:1"):format(refund_id),
        path = "/v1/refunds",
        params = {
            payment_intent = facts.provider_payment_id,
            amount = facts.amount_minor,
            reason = facts.cause == "SURPLUS_PAYMENT" and "duplicate" or "requested_by_customer",
            metadata = { refund_id = refund_id, order_id = facts.order_id },
        },
    })
    crash("refund.opened")
    return op, failure
end

local function fail(refund_id, why)
    log.error("refund.failed", { refund = refund_id, problem = why })
    return db.query("refund/fail", refund_id, why)
end

--- Applies a refund's state at Stripe, in the caller's transaction or its own.
function refund.apply(refund_id, object)
    return db.tx(function()
        if FAILED[object.status] then
            return fail(refund_id, tostring(value(object.failure_reason) or object.status))
        end
        local status = object.status == "succeeded" and "SUCCEEDED" or "PENDING"
        return db.exec("refund/settle", refund_id, status, object.id)
    end)
end

--- Asks Stripe about refunds on their way that nobody brought news of.
function refund.sweep()
    local rows = db.query("refund/stuck", tonumber(conf("payment.recheck_after_s")), 20)
    for _, row in ipairs(rows or {}) do
        local object = stripe_api.get("/v1/refunds/" .. row.provider_refund_id)
        if object then
            refund.apply(row.id, object)
        end
    end
end

stripe_ops.register("refund_create", {
    done = function(op, object)
        return refund.apply(op.ref_id, object)
    end,
    rejected = function(op, failure)
        return fail(op.ref_id, value(failure.code) or value(failure.message) or "rejected")
    end,
})

local function on_event(object)
    local named = (value(object.metadata) or {}).refund_id
    local row, problem = db.one("refund/find", object.id, crypto.is_uuid(named) and named or nil)
    if problem then
        return nil, problem
    elseif not row then
        return "IGNORED", "no refund of ours"
    end
    local is_applied, failure = refund.apply(row.id, object)
    if not is_applied then
        return nil, failure
    end
    return "DONE", nil
end

inbox.register({
    ["refund.created"] = on_event,
    ["refund.updated"] = on_event,
    ["refund.failed"] = on_event,
    ["charge.refund.updated"] = on_event,
}, "platform")

return refund
