--- Giving money back. The books are posted when a refund is opened
--- (sql/functions/refund_open.sql); the call to Stripe is an operation queued in that same
--- transaction, sent by the sweep within a second. A refund that Stripe cannot make is taken back
--- in the books and shows in GET /admin/jobs.
local conf = require("core.conf")
local crash = require("core.crash")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")
local inbox = require("flows.inbox")
local reversal = require("flows.reversal")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local refund = {}

local value = stripe_api.value

--- Stripe's statuses that are final failures; all others but succeeded are on their way.
local FAILED = { failed = true, canceled = true }

--- Queues the call for an opened refund, and those that take transfers back for it, in the
--- transaction that opened it.
function refund.queue(refund_id)
    local facts, problem = db.one("refund/facts", refund_id)
    if not facts then
        return nil, problem
    end
    local op, failure = stripe_ops.add({
        kind = "refund_create", ref_id = refund_id, key = ("re:%s:1"):format(refund_id),
        path = "/v1/refunds", lane = facts.provider_payment_id,
        params = {
            payment_intent = facts.provider_payment_id,
            amount = facts.amount_minor,
            reason = facts.cause == "SURPLUS_PAYMENT" and "duplicate" or "requested_by_customer",
            metadata = { refund_id = refund_id, order_id = facts.order_id },
        },
    })
    if not op then
        return nil, failure
    end
    local is_open, refusal = reversal.open(refund_id, nil)
    if not is_open then
        return nil, refusal
    end
    crash("refund.opened")
    return op
end

local function fail(refund_id, why)
    log.error("refund.failed", { refund = refund_id, problem = why })
    return db.query("refund/fail", refund_id, why)
end

--- Applies a refund's state at Stripe, in the caller's transaction or its own.
function refund.apply(refund_id, object)
    return db.tx(function()
        if FAILED[object.status] then
            local is_named, problem = db.exec("refund/name", refund_id, object.id)
            if not is_named then
                return nil, problem
            end
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

-- Asking ------------------------------------------------------------------------------------------

--- Input faults that a schema does not see; true, or nil, err.
local function check(wanted, currency)
    if wanted.amount and wanted.items then
        return nil, err.field("amount", "excludes items")
    elseif wanted.is_restocked and not wanted.items then
        return nil, err.field("restock", "is for items only")
    elseif wanted.amount and wanted.amount.amount < 1 then
        return nil, err.field("amount.amount", "must be a whole number of at least 1")
    elseif wanted.amount and wanted.amount.currency ~= currency then
        return nil, err.field("amount.currency", "must be the order's: " .. currency)
    end
    return true
end

local function record(wanted, order_id, made)
    return audit.write({
        actor = wanted.actor_id, action = "order.refund", object = "order:" .. order_id,
        after = { refundId = made.id, amount = made.amount_minor, items = wanted.items },
        reason = wanted.reason, request_id = wanted.request_id,
    })
end

--- Opens, queues and records a refund; its id, or nil, err.
local function open(wanted, order_id)
    local row, problem = db.one("refund/ask", order_id, wanted.vendor_order_id,
        wanted.amount and wanted.amount.amount, wanted.items and json.encode(wanted.items),
        wanted.is_restocked or false, wanted.cause, wanted.reason, wanted.actor_id)
    if not row then
        return nil, problem
    end
    local facts, failure = db.one("refund/facts", row.refund_id)
    if not facts then
        return nil, failure
    end
    local op
    op, problem = refund.queue(row.refund_id)
    if not op then
        return nil, problem
    end
    local is_written, refusal = record(wanted, order_id, facts)
    if not is_written then
        return nil, refusal
    end
    return row.refund_id
end

--- wanted: {order_id or vendor_order_id, vendor_id (nil: anyone's), amount {amount, currency} or
--- items [{orderItemId, quantity}] or neither (all that is left), is_restocked, cause, reason,
--- actor_id, request_id}. The refund as JSON text, or nil, err.
function refund.ask(wanted)
    return db.tx(function()
        local target, problem = db.one("refund/target", wanted.order_id, wanted.vendor_order_id,
            wanted.vendor_id)
        if not target then
            return nil, problem or err.not_found()
        end
        local is_sound, refusal = check(wanted, target.currency)
        if not is_sound then
            return nil, refusal
        end
        local id, failure = open(wanted, target.order_id)
        if not id then
            return nil, failure
        end
        return db.row_json("refund/get", id)
    end)
end

-- Stripe's answers --------------------------------------------------------------------------------

stripe_ops.register("refund_create", {
    done = function(op, object)
        return refund.apply(op.ref_id, object)
    end,
    rejected = function(op, failure)
        return fail(op.ref_id, value(failure.code) or value(failure.message) or "rejected")
    end,
    find = function(op)
        local facts, problem = db.one("refund/facts", op.ref_id)
        if not facts then
            return nil, problem
        end
        local path = "/v1/refunds?payment_intent=" .. facts.provider_payment_id
        return stripe_api.find(path, function(object)
            local metadata = value(object.metadata)
            return metadata and metadata.refund_id == op.ref_id
        end)
    end,
})

--- A refund that nobody here asked for: made in Stripe's dashboard when the payment is ours. The
--- books do not know it, so somebody must look; the reconciliation shows it until then.
local function on_unknown(object)
    local payment, problem = db.one("payment/find", value(object.payment_intent), nil)
    if problem then
        return nil, problem
    elseif not payment then
        return "IGNORED", "no refund of ours"
    end
    log.error("refund.unknown", { refund = object.id, payment = payment.id })
    return "IGNORED", "a refund of our payment that was not made here: the books do not have it"
end

local function on_event(object)
    local named = (value(object.metadata) or {}).refund_id
    local row, problem = db.one("refund/find", object.id, crypto.is_uuid(named) and named or nil)
    if problem then
        return nil, problem
    elseif not row then
        return on_unknown(object)
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
