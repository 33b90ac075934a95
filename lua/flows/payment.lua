--- Paying an order. The buyer's browser pays at Stripe with a client secret; we hold a
--- PaymentIntent for exactly the order's amount and believe nobody but Stripe about its state.
--- Every piece of news goes through payment.apply.
local conf = require("core.conf")
local crash = require("core.crash")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local db = require("souk.db")
local err = require("souk.err")
local declines = require("flows.declines")
local payout_policy = require("flows.payout_policy")
local inbox = require("flows.inbox")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")
local refund = require("flows.refund")

local payment = {}

local value = stripe_api.value

local STATUSES = {
    requires_payment_method = "CREATED",
    requires_confirmation = "CREATED",
    requires_action = "REQUIRES_ACTION",
    processing = "PROCESSING",
    requires_capture = "PROCESSING",
    succeeded = "SUCCEEDED",
    canceled = "CANCELLED",
}

--- What Stripe charges at most and at least, in minor units; what is not listed has no least.
local MOST = 99999999
local LEAST = { USD = 50, EUR = 50, GBP = 30, INR = 50, JPY = 50, CAD = 50, AUD = 50, CHF = 50 }

local CLOCKS_DIFFER_S = 300

local LIVE = { CREATED = true, REQUIRES_ACTION = true, PROCESSING = true }

local MISMATCH = "the payment does not match the order and is being looked at"
local ENDED = "this payment has ended: start another one"

--- A PaymentIntent in the words of payment_apply (sql/functions); nil when its status is unknown
--- to us.
local function facts_of(intent)
    local status = STATUSES[intent.status]
    if not status then
        return nil
    end
    local failure = value(intent.last_payment_error)
    local code, message
    if failure then
        code, message = declines.public(value(failure.code), value(failure.decline_code))
    end
    local metadata = value(intent.metadata) or {}
    return {
        id = intent.id, status = status, providerStatus = intent.status,
        amount = intent.amount, received = value(intent.amount_received),
        currency = intent.currency,
        orderId = value(metadata.order_id), isLive = intent.livemode,
        chargeId = value(intent.latest_charge), failureCode = code, failureMessage = message,
    }
end

local function tell(payment_id, outcome, facts)
    if outcome == "QUARANTINED" then
        log.error("payment.quarantined", { payment = payment_id, intent = facts.id })
    elseif outcome == "REFUNDED" then
        log.warn("payment.unapplied", { payment = payment_id, intent = facts.id })
    end
end

--- Applies a PaymentIntent's state, in the caller's transaction or its own. Returns the outcome of
--- payment_apply, or nil, err.
function payment.apply(payment_id, intent)
    local facts = facts_of(intent)
    if not facts then
        log.error("payment.status.unknown", { payment = payment_id, status = intent.status })
        return nil, err.stripe_away()
    end
    return db.tx(function()
        local row, problem = db.one("payment/apply", payment_id, json.encode(facts))
        if not row then
            return nil, problem
        end
        if row.refund_id then
            local op, failure = refund.queue(row.refund_id)
            if not op then
                return nil, failure
            end
        end
        if row.outcome == "CONFIRMED" then
            local is_set, failure = payout_policy.set_due(facts.orderId)
            if not is_set then
                return nil, failure
            end
        end
        tell(payment_id, row.outcome, facts)
        crash("payment.applied")
        return row.outcome
    end)
end

local function second_of(uuid7)
    return math.floor(tonumber((uuid7:gsub("-", "")):sub(1, 12), 16) / 1000)
end

stripe_ops.register("payment_create", {
    done = function(op, intent)
        return payment.apply(op.ref_id, intent)
    end,
    find = function(op)
        local since = second_of(op.id) - CLOCKS_DIFFER_S
        return stripe_api.find("/v1/payment_intents?created[gte]=" .. since, function(intent)
            local metadata = value(intent.metadata)
            return metadata and metadata.payment_id == op.ref_id
        end)
    end,
    rejected = function(op, failure)
        log.error("payment.create.rejected", { payment = op.ref_id, code = value(failure.code) })
        return db.query("payment/abandon", op.ref_id, "FAILED", "refused by the payment provider")
    end,
})

-- A cancellation that Stripe refuses means that the PaymentIntent has moved on: whoever asked
-- looks at it again.
stripe_ops.register("payment_cancel", {
    done = function(op, intent)
        return payment.apply(op.ref_id, intent)
    end,
    find = function(op)
        local row, problem = db.one("payment/get", op.ref_id)
        if not row then
            return nil, problem
        end
        local intent, failure = stripe_api.get("/v1/payment_intents/" .. row.provider_payment_id)
        return intent and (intent.status == "canceled" and intent or false), failure
    end,
    rejected = function()
        return true
    end,
})

-- Starting ---------------------------------------------------------------------------------------

local function check_order(order)
    if not order then
        return nil, err.not_found()
    elseif order.is_expired then
        return nil, err.order_expired()
    elseif order.status ~= "PENDING" then
        return nil, err.conflict("the order is not waiting for a payment")
    elseif order.total_minor < (LEAST[order.currency] or 1) then
        return nil, err.conflict("the total is below the least that can be charged")
    elseif order.total_minor > MOST then
        return nil, err.conflict("the total is above the most that can be charged at once")
    end
    return true
end

local function create_params(order, payment_id)
    return {
        amount = order.total_minor,
        currency = order.currency:lower(),
        automatic_payment_methods = { enabled = true },
        transfer_group = "order_" .. order.id,
        description = "Order " .. order.number,
        metadata = { order_id = order.id, payment_id = payment_id, env = conf("env") },
    }
end

local function add(order, method)
    local row = { id = crypto.uuid7(), method = method, status = "CREATED" }
    local made, problem = db.one("payment/insert", row.id, order.id, method, order.total_minor,
        order.currency, stripe_api.is_live())
    if not made then
        return nil, problem
    end
    row.amount_minor, row.currency = order.total_minor, order.currency
    row.op, problem = stripe_ops.add({
        kind = "payment_create", ref_id = row.id, key = ("pi:%s:%d"):format(order.id, made.number),
        path = "/v1/payment_intents", params = create_params(order, row.id), is_sent_now = true,
    })
    if not row.op then
        return nil, problem
    end
    return row
end

--- The order's live payment, made when there is none: committed before Stripe hears of it.
local function open_row(order_id, buyer_id, method)
    return db.tx(function()
        local results, problem = db.batch({
            { "order/lock", order_id, buyer_id },
            { "payment/live", order_id },
        })
        if not results then
            return nil, problem
        end
        local order = results[1][1]
        local is_payable, refusal = check_order(order)
        if not is_payable then
            return nil, refusal
        end
        return results[2][1] or add(order, method)
    end)
end

--- Stripe does not know the PaymentIntent: another account's key, or an emulator that was emptied.
-- The payment ends, so that the order can have another one, or expire. nil, err with is_gone.
local function forget(row)
    log.error("payment.missing_at_stripe", { payment = row.id, intent = row.provider_payment_id })
    local is_done, problem = db.tx(function()
        return db.query("payment/forget", row.id, "not known to the payment provider")
    end)
    if not is_done then
        return nil, problem
    end
    local gone = err.conflict(ENDED)
    gone.is_gone = true
    return nil, gone
end

local function fetch(row)
    local intent, problem = stripe_api.get("/v1/payment_intents/" .. row.provider_payment_id)
    if not intent then
        if problem.code == "not_found" then
            return forget(row)
        end
        return nil, problem
    end
    local outcome, failure = payment.apply(row.id, intent)
    if not outcome then
        return nil, failure
    end
    return intent, outcome
end

--- Sends the create call (again). nil without an err: somebody else has just had its answer.
local function create(row)
    local result, problem
    if row.op then
        result, problem = stripe_ops.send(row.op)
    else
        local op = stripe_ops.latest("payment_create", row.id)
        if op then
            result, problem = stripe_ops.send_again(op)
        end
    end
    if problem or not result or result.outcome == true and result.kind == "ok" then
        return nil, problem
    elseif result.kind ~= "ok" then
        return nil, err.stripe_away()
    end
    return result.object, result.outcome
end

--- Brings a payment to what Stripe knows of it. Returns its PaymentIntent and the outcome of
--- applying it; or nil, err.
local function refresh(row)
    if not row.provider_payment_id then
        local intent, outcome = create(row)
        if intent or outcome then
            return intent, outcome
        end
        local problem
        row, problem = db.one("payment/get", row.id)
        if not row or not row.provider_payment_id then
            return nil, problem or err.stripe_away()
        end
    end
    return fetch(row)
end

--- What a buyer needs to pay with: {paymentId, method, status, clientSecret, amount}. Asked again
--- it is the same payment.
function payment.open(order_id, buyer_id, method)
    local row, problem = open_row(order_id, buyer_id, method)
    if not row then
        return nil, problem
    end
    local intent, outcome = refresh(row)
    if not intent and outcome and outcome.is_gone then
        row, problem = open_row(order_id, buyer_id, method)
        if not row then
            return nil, problem
        end
        intent, outcome = refresh(row)
    end
    if not intent then
        return nil, outcome
    elseif outcome == "QUARANTINED" then
        return nil, err.conflict(MISMATCH)
    end
    return {
        paymentId = row.id,
        method = row.method,
        status = STATUSES[intent.status],
        clientSecret = intent.client_secret,
        amount = { amount = row.amount_minor, currency = row.currency },
    }
end

-- Confirming -------------------------------------------------------------------------------------

local function ended(row)
    if row.status == "SUCCEEDED" or row.status == "PARTIALLY_REFUNDED" then
        return "paid"
    elseif row.order_status == "EXPIRED" then
        return nil, err.order_expired()
    end
    return nil, err.conflict(row.status == "REFUNDED" and "this payment was refunded" or ENDED)
end

--- What the PaymentIntent means to the buyer who asks: "paid", "waiting"; or nil, err.
local function verdict(intent, outcome)
    local status = STATUSES[intent.status]
    if outcome == "QUARANTINED" then
        return nil, err.conflict(MISMATCH)
    elseif outcome == "REFUNDED" then
        return nil, err.order_expired("the payment came too late and is being refunded")
    elseif status == "SUCCEEDED" then
        return "paid"
    elseif status == "PROCESSING" or status == "REQUIRES_ACTION" then
        return "waiting"
    elseif status == "CANCELLED" then
        return nil, err.conflict(ENDED)
    end
    local failure = value(intent.last_payment_error)
    if not failure then
        return nil, err.conflict("nothing was paid yet: pay with the client secret first")
    end
    local code, message = declines.public(value(failure.code), value(failure.decline_code))
    return nil, err.payment_declined(message, { { field = "payment", message = code } })
end

--- "paid" or "waiting"; or nil, err. The client's word counts for nothing: Stripe is asked.
function payment.confirm(order_id, buyer_id, payment_id)
    local known, problem = db.one("payment/get_for_buyer", order_id, buyer_id, payment_id)
    if not known then
        return nil, problem or err.not_found()
    end
    local row, failure = db.one("payment/get", payment_id)
    if not row then
        return nil, failure or err.not_found()
    elseif not LIVE[row.status] then
        return ended(row)
    end
    local intent, outcome = refresh(row)
    if not intent then
        return nil, outcome
    end
    return verdict(intent, outcome)
end

-- Ending -----------------------------------------------------------------------------------------

--- A payment whose create call has certainly never left us needs no word from Stripe.
local function drop_unsent(row)
    return db.tx(function()
        local op, problem = stripe_ops.latest("payment_create", row.id)
        local dropped
        if op then
            dropped, problem = db.one("stripe_op/drop_unsent", op.id)
        end
        if problem then
            return nil, problem
        elseif op and not dropped then
            return false
        end
        local is_done, failure = db.query(
            "payment/abandon", row.id, "CANCELLED", "never reached Stripe")
        if not is_done then
            return nil, failure
        end
        return true
    end)
end

local function cancel_op(row)
    return db.tx(function()
        local last, problem = stripe_ops.latest("payment_cancel", row.id)
        if problem then
            return nil, problem
        elseif last and last.state ~= "REJECTED" and last.state ~= "DONE" then
            return last
        end
        local attempt = (last and last.attempt or 0) + 1
        local op, failure = stripe_ops.add({
            kind = "payment_cancel", ref_id = row.id, attempt = attempt,
            key = ("cancel:%s:%d"):format(row.id, attempt),
            path = ("/v1/payment_intents/%s/cancel"):format(row.provider_payment_id),
            params = { cancellation_reason = "abandoned" }, is_sent_now = true,
        })
        if not op then
            return nil, failure
        end
        op.is_new = true
        return op
    end)
end

local function cancel_at_stripe(row)
    local op, problem = cancel_op(row)
    if not op then
        return nil, problem
    end
    local result, failure
    if op.is_new then
        result, failure = stripe_ops.send(op)
    else
        result, failure = stripe_ops.send_again(op)
    end
    if failure then
        return nil, failure
    elseif result and result.kind == "rejected" then
        -- It moved on meanwhile: succeeded, most likely.
        return refresh(row)
    elseif result and result.kind ~= "ok" then
        return nil, err.stripe_away()
    end
    return true
end

local function read(payment_id)
    local row, problem = db.one("payment/get", payment_id)
    return row, problem or (not row and err.not_found()) or nil
end

--- Settles a payment whose PaymentIntent we do not know: dropped when its call has never left us,
--- else only that call, sent again, can tell. Returns the row afterwards; or nil, err.
local function settle_unknown(row)
    local is_dropped, problem = drop_unsent(row)
    if is_dropped == nil then
        return nil, problem
    elseif not is_dropped then
        refresh(row)
    end
    return read(row.id)
end

--- What a bank works on cannot be cancelled: it can only be asked about. True when Stripe has
--- spoken.
local function end_known(row)
    if row.status == "PROCESSING" then
        return refresh(row)
    end
    return cancel_at_stripe(row)
end

--- Ends a live payment at Stripe, if it can still be ended. Returns its status afterwards
--- (CANCELLED, or SUCCEEDED when the buyer was faster, or PROCESSING), or nil, err: then nothing
--- is known and nothing may be released.
function payment.finish(payment_id)
    local row, problem = read(payment_id)
    if row and not row.provider_payment_id then
        row, problem = settle_unknown(row)
    end
    if not row then
        return nil, problem
    elseif not LIVE[row.status] then
        return row.status
    elseif not row.provider_payment_id then
        return nil, err.stripe_away()
    end
    local is_told, failure = end_known(row)
    if not is_told and not failure.is_gone then
        return nil, failure
    end
    row, problem = read(payment_id)
    return row and row.status, problem
end

--- Asks Stripe about live payments that nobody brought news of: lost webhooks, lost browsers.
function payment.sweep()
    local rows = db.query("payment/stuck", tonumber(conf("payment.recheck_after_s")), 20)
    for _, row in ipairs(rows or {}) do
        local intent, problem = fetch(row)
        if not intent and not problem.is_gone then
            db.exec("payment/touch", row.id)
        end
    end
end

-- News -------------------------------------------------------------------------------------------

local FINAL = { succeeded = true, canceled = true }

local function on_event(intent)
    local named = (value(intent.metadata) or {}).payment_id
    local row, problem = db.one("payment/find", intent.id, crypto.is_uuid(named) and named or nil)
    if problem then
        return nil, problem
    elseif not row then
        if intent.status == "succeeded" then
            log.error("payment.unknown", { intent = intent.id, payment = named })
        end
        return "IGNORED", "no payment of ours"
    end
    if not FINAL[intent.status] then
        local now, failure = stripe_api.get("/v1/payment_intents/" .. intent.id)
        if not now then
            return nil, failure
        end
        intent = now
    end
    local outcome, refusal = payment.apply(row.id, intent)
    if not outcome then
        return nil, refusal
    end
    return "DONE", outcome
end

inbox.register({
    ["payment_intent.succeeded"] = on_event,
    ["payment_intent.payment_failed"] = on_event,
    ["payment_intent.canceled"] = on_event,
    ["payment_intent.processing"] = on_event,
    ["payment_intent.requires_action"] = on_event,
    ["payment_intent.amount_capturable_updated"] = on_event,
}, "platform")

return payment
