--- Disputes: a buyer's bank takes money back and Stripe tells us. The books follow what Stripe has
--- moved (sql/functions/dispute_apply.sql), and transfers of a disputed order wait. Who bears a
--- lost one, and whether transfers are taken back when it opens, the payout policy says.
local crash = require("core.crash")
local json = require("core.json")
local log = require("core.log")
local db = require("souk.db")
local inbox = require("flows.inbox")
local payment = require("flows.payment")
local payout_policy = require("flows.payout_policy")
local reversal = require("flows.reversal")
local stripe_api = require("flows.stripe_api")

local dispute = {}

local RECHECK_S = 3600
local SWEEP_MAX = 20
local LIVE = { CREATED = true, REQUIRES_ACTION = true, PROCESSING = true }

local value = stripe_api.value

-- What Stripe says --------------------------------------------------------------------------------

--- What a dispute has moved so far, by its balance transactions.
local function moved_by(object)
    local moved = { withdrawn = 0, fee = 0, reinstated = 0, feeReturned = 0 }
    for _, line in ipairs(value(object.balance_transactions) or {}) do
        if line.amount < 0 then
            moved.withdrawn, moved.fee = moved.withdrawn - line.amount, moved.fee + line.fee
        else
            moved.reinstated = moved.reinstated + line.amount
            moved.feeReturned = moved.feeReturned - line.fee
        end
    end
    return moved
end

local OVER = { won = true, lost = true, warning_closed = true, prevented = true }

--- Our word for a state of Stripe's. It follows the money: without any it is an inquiry, whatever
--- Stripe calls it; lost it is only when money is gone, and won when it is back.
local function state_of(status, moved)
    if moved.withdrawn == 0 then
        return OVER[status] and "CLOSED" or "INQUIRY"
    elseif status == "lost" then
        return "LOST"
    elseif OVER[status] and moved.reinstated >= moved.withdrawn then
        return "WON"
    end
    return "OPEN"
end

--- A dispute in the words of dispute_apply (sql/functions).
local function facts_of(object)
    local moved = moved_by(object)
    local details = value(object.evidence_details) or {}
    return {
        id = object.id, chargeId = value(object.charge), status = object.status,
        state = state_of(object.status, moved), reason = value(object.reason) or "",
        amount = moved.withdrawn > 0 and moved.withdrawn or object.amount,
        fee = moved.fee, feeReturned = moved.feeReturned, currency = object.currency:upper(),
        isRefundable = object.is_charge_refundable == true, dueAt = value(details.due_by),
        isSubmitted = (value(details.submission_count) or 0) > 0, openedAt = object.created,
    }
end

--- Final news that tells of all its money may be applied as it is.
local function is_settled(object)
    local state = state_of(object.status, moved_by(object))
    return state == "LOST" or state == "WON"
end

-- Applying ----------------------------------------------------------------------------------------

--- What the payout policy says of each vendor order; without its word the platform bears it.
local function terms_of(payment_id, reason)
    local rows, problem = db.query("dispute/vendors", payment_id)
    if not rows then
        return nil, problem
    end
    local terms = {}
    for _, row in ipairs(rows) do
        local said = payout_policy.of({
            vendor = { id = row.vendor_id, tier = row.tier, country = row.country },
            currency = row.currency, status = row.status, reason = reason,
        })
        terms[row.id] = {
            liable = said and said.dispute_liable or "PLATFORM",
            isReversed = said and said.dispute_reverses or false,
        }
    end
    return json.object(terms)
end

local function tell(row, facts)
    local fields = { dispute = row.dispute_id, state = facts.state, reason = facts.reason }
    if row.outcome == "OPEN" or row.outcome == "LOST" then
        log.warn("dispute.changed", fields)
    elseif row.outcome ~= "SAME" then
        log.info("dispute.changed", fields)
    end
end

--- Applies a dispute's state at Stripe, in the caller's transaction or its own. Returns the outcome
--- of dispute_apply, or nil, err.
function dispute.apply(payment_id, object)
    local facts = facts_of(object)
    return db.tx(function()
        local terms, problem = terms_of(payment_id, facts.reason)
        if not terms then
            return nil, problem
        end
        local row, failure = db.one("dispute/apply", payment_id, json.encode(facts),
            json.encode(terms))
        if not row then
            return nil, failure
        elseif row.is_reversing then
            local is_open, refusal = reversal.open(nil, row.dispute_id)
            if not is_open then
                return nil, refusal
            end
        end
        crash("dispute.applied")
        tell(row, facts)
        return row.outcome
    end)
end

--- A dispute can be told of before the payment that it is of.
local function settle_payment(row)
    if not LIVE[row.status] or not row.provider_payment_id then
        return true
    end
    local intent, problem = stripe_api.get("/v1/payment_intents/" .. row.provider_payment_id)
    if not intent then
        return nil, problem
    end
    return payment.apply(row.id, intent)
end

--- The payment that a dispute is of; false and a remark when it is none of ours; nil, err.
local function payment_of(object)
    local row, problem = db.one("dispute/payment", value(object.charge),
        value(object.payment_intent))
    if problem then
        return nil, problem
    elseif not row then
        return false, "no payment of ours"
    elseif row.currency ~= object.currency:upper() or row.is_live ~= (object.livemode == true) then
        log.error("dispute.mismatch", { dispute = object.id, payment = row.id })
        return false, "does not match the payment that it is of"
    end
    local is_settled_now, failure = settle_payment(row)
    if not is_settled_now then
        return nil, failure
    end
    return row
end

local function on_event(object)
    local row, remark = payment_of(object)
    if row == nil then
        return nil, remark
    elseif not row then
        return "IGNORED", remark
    end
    if not is_settled(object) then
        local now, problem = stripe_api.get("/v1/disputes/" .. object.id)
        if not now then
            return nil, problem
        end
        object = now
    end
    local outcome, failure = dispute.apply(row.id, object)
    if not outcome then
        return nil, failure
    end
    return "DONE", outcome
end

--- Asks Stripe about disputes that nobody brought news of.
function dispute.sweep()
    local rows = db.tx(function()
        return db.query("dispute/stuck", RECHECK_S, SWEEP_MAX)
    end)
    for _, row in ipairs(rows or {}) do
        local object = stripe_api.get("/v1/disputes/" .. row.provider_dispute_id)
        if object then
            dispute.apply(row.payment_id, object)
        end
    end
end

inbox.register({
    ["charge.dispute.created"] = on_event,
    ["charge.dispute.updated"] = on_event,
    ["charge.dispute.closed"] = on_event,
    ["charge.dispute.funds_withdrawn"] = on_event,
    ["charge.dispute.funds_reinstated"] = on_event,
}, "platform")

return dispute
