--- The life of a dispute: the bank takes a charge's money back, or asks first (an inquiry), the
-- platform answers with evidence, the bank decides. Money moves when funds are withdrawn and when
-- they are reinstated; the fee of a dispute is not given back. What was transferred to connected
-- accounts is not touched.
local balance_transactions = require("stripe_emulator.resources.balance_transactions")
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local store = require("stripe_emulator.state.store")

local dispute = {}

local RESPOND_S = 7 * 24 * 3600

dispute.EVIDENCE = {
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
}

dispute.REASONS = {
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated",
    "debit_not_authorized", "duplicate", "fraudulent", "general", "incorrect_account_details",
    "insufficient_funds", "product_not_received", "product_unacceptable", "subscription_canceled",
    "unrecognized",
}

--- Which status each act finds and leaves: of a dispute, of an inquiry.
local NEEDS_RESPONSE = { needs_response = true, warning_needs_response = true }
local OPEN = {
    needs_response = true, under_review = true, warning_needs_response = true,
    warning_under_review = true,
}
local REVIEWED = {
    needs_response = "under_review", warning_needs_response = "warning_under_review",
}

local function is_inquiry(object)
    return object.status:match("^warning_") ~= nil
end

--- The charge's dispute that stands in the way of a refund: money is gone, or may come back twice.
function dispute.blocking_refund(emulator, charge)
    for _, id in ipairs(store.hidden(emulator.store, charge).disputes or {}) do
        local object = store.peek(emulator.store, "dispute", id)
        if not object.is_charge_refundable and object.status ~= "won" then
            return object
        end
    end
end

local function last_of(emulator, charge)
    local ids = store.hidden(emulator.store, charge).disputes or {}
    return ids[#ids] and store.peek(emulator.store, "dispute", ids[#ids])
end

local function move(emulator, object, entry)
    local made = balance_transactions.create(emulator, {
        type = "adjustment",
        amount = entry.amount,
        fee = entry.fee,
        fee_description = "Dispute fee",
        category = entry.category,
        currency = object.currency,
        source = object.id,
        description = entry.description .. object.charge,
        is_available_at_once = true,
    })
    local moves = store.hidden(emulator.store, object).moves
    moves[#moves + 1] = made.id
end

local function withdraw(emulator, object)
    object.is_charge_refundable = false
    move(emulator, object, {
        amount = -object.amount,
        fee = emulator.settings.dispute_fee_minor,
        category = "dispute",
        description = "Chargeback withdrawal for ",
    })
end

local function evidence(null)
    local fields = {}
    for _, name in ipairs(dispute.EVIDENCE) do
        fields[name] = null
    end
    return fields
end

local function build(emulator, charge, options)
    local null = emulator.json.null
    local now = clock.now(emulator.clock)
    return {
        id = store.new_id(emulator.store, "dp"),
        object = "dispute",
        amount = options.amount or charge.amount - charge.amount_refunded,
        balance_transactions = emulator.json.array({}),
        charge = charge.id,
        created = now,
        currency = charge.currency,
        evidence = evidence(null),
        evidence_details = {
            due_by = now + RESPOND_S,
            has_evidence = false,
            past_due = false,
            submission_count = 0,
        },
        is_charge_refundable = true,
        livemode = false,
        metadata = {},
        payment_intent = charge.payment_intent,
        payment_method_details = charge.payment_method_details.card and {
            type = "card",
            card = { brand = charge.payment_method_details.card.brand,
                network_reason_code = options.is_inquiry and null or "10.4" },
        } or nil,
        reason = options.reason or "fraudulent",
        status = options.is_inquiry and "warning_needs_response" or "needs_response",
    }
end

--- Why the charge cannot be disputed for the amount (nil: all of it), or nil.
local function refusal(emulator, charge, amount)
    local before = last_of(emulator, charge)
    if not charge.captured or charge.amount_refunded == charge.amount then
        return "This charge has nothing that could be disputed."
    elseif before and OPEN[before.status] then
        return "This charge is disputed already."
    elseif amount and (amount < 1 or amount > charge.amount_captured or amount % 1 ~= 0) then
        return "amount must be at least 1 and at most what was captured."
    end
end

--- options: amount (default: what is not refunded), reason, is_inquiry. The dispute | nil and why
-- there can be none.
function dispute.open(emulator, charge, options)
    local wrong = refusal(emulator, charge, options.amount)
    if wrong then
        return nil, wrong
    end
    local object = store.insert(emulator.store, build(emulator, charge, options), { moves = {} })
    local hidden = store.hidden(emulator.store, store.touch(emulator.store, charge))
    hidden.disputes = hidden.disputes or {}
    hidden.disputes[#hidden.disputes + 1] = object.id
    charge.disputed = true
    if not options.is_inquiry then
        withdraw(emulator, object)
    end
    events.emit(emulator, nil, "charge.dispute.created", object)
    if not options.is_inquiry then
        events.emit(emulator, nil, "charge.dispute.funds_withdrawn", object)
    end
    return object
end

--- What a test card's number asks for: called once its charge has succeeded and that was told.
function dispute.open_as_asked(emulator, charge)
    local kind = store.hidden(emulator.store, charge).method.dispute
    if kind then
        dispute.open(emulator, charge, { is_inquiry = kind == "inquiry" })
    end
end

--- The bank has decided. An inquiry is closed without anybody having won.
local function decide(emulator, call, object, is_won)
    if is_inquiry(object) then
        object.status = "warning_closed"
        return events.emit(emulator, call, "charge.dispute.closed", object)
    end
    object.status = is_won and "won" or "lost"
    if is_won then
        move(emulator, object, {
            amount = object.amount,
            category = "dispute_reversal",
            description = "Chargeback reversal for ",
        })
    end
    events.emit(emulator, call, "charge.dispute.closed", object)
    if is_won then
        events.emit(emulator, call, "charge.dispute.funds_reinstated", object)
    end
end

local function over()
    return nil, errors.invalid(nil, nil, "This dispute is already closed.")
end

--- The bank's decision, by /_emu: object | nil, err.
function dispute.decide(emulator, object, is_won)
    if not OPEN[object.status] then
        return over()
    end
    decide(emulator, nil, object, is_won)
    return object
end

--- The platform gives in: POST /v1/disputes/{id}/close.
function dispute.accept(emulator, call, object)
    if not OPEN[object.status] then
        return over()
    end
    decide(emulator, call, object, false)
    return object
end

--- An inquiry becomes a dispute: the money is withdrawn now.
function dispute.escalate(emulator, call, object)
    if not OPEN[object.status] or not is_inquiry(object) then
        return nil, errors.invalid(nil, nil, "This is no open inquiry.")
    end
    local before = object.status
    object.status = "needs_response"
    object.evidence_details.due_by = clock.now(emulator.clock) + RESPOND_S
    withdraw(emulator, object)
    events.emit(emulator, call, "charge.dispute.updated", object, { status = before })
    events.emit(emulator, call, "charge.dispute.funds_withdrawn", object)
    return object
end

--- What Stripe's test mode does with some texts once they are submitted.
local BY_TEXT = {
    winning_evidence = function(emulator, call, object)
        decide(emulator, call, object, true)
    end,
    losing_evidence = function(emulator, call, object)
        decide(emulator, call, object, false)
    end,
    escalate_inquiry_evidence = function(emulator, call, object)
        if is_inquiry(object) then
            dispute.escalate(emulator, call, object)
        end
    end,
}

local function submit(emulator, call, object)
    local before, text = object.status, object.evidence.uncategorized_text
    object.status = REVIEWED[before]
    object.evidence_details.submission_count = object.evidence_details.submission_count + 1
    events.emit(emulator, call, "charge.dispute.updated", object, { status = before })
    local act = type(text) == "string" and BY_TEXT[text]
    if act then
        act(emulator, call, object)
    end
end

--- fields: evidence, null for what is cleared; nil when only metadata was given. is_submitted: the
-- bank gets it, and takes no more. object | nil, err.
function dispute.answer(emulator, call, object, fields, is_submitted)
    if not NEEDS_RESPONSE[object.status] then
        return nil, errors.invalid(nil, nil, ("You cannot update the evidence of this dispute "
            .. "because it has a status of %s."):format(object.status))
    end
    for name, value in pairs(fields) do
        object.evidence[name] = value
    end
    local details = object.evidence_details
    details.has_evidence = false
    for _, value in pairs(object.evidence) do
        details.has_evidence = details.has_evidence or value ~= emulator.json.null
    end
    if is_submitted then
        submit(emulator, call, object)
    else
        events.emit(emulator, call, "charge.dispute.updated", object)
    end
    return object
end

return dispute
