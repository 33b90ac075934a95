--- The life of a PaymentIntent after its creation: attempts, authentication, settling, capture,
-- cancellation. Each function changes the stored intent and emits Stripe's events; what a client
-- did wrong comes back as nil, err.
local charges = require("stripe_emulator.resources.charges")
local clock = require("stripe_emulator.state.clock")
local dispute = require("stripe_emulator.flows.dispute")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local payment_methods = require("stripe_emulator.flows.payment_methods")
local states = require("stripe_emulator.flows.states")
local store = require("stripe_emulator.state.store")

local payment = {}

local CONFIRMS_MAX = 25
local AUTHORIZATION_S = 7 * 24 * 3600
local SETTLING_S = 4 * 24 * 3600

local function snapshot(emulator, intent)
    return store.copy(emulator.store, intent)
end

local function emit(emulator, call, kind, intent)
    events.emit(emulator, call, "payment_intent." .. kind, intent)
end

local function settle(emulator, intent, charge, amount)
    charges.capture(emulator, charge, amount)
    intent.status = "succeeded"
    intent.amount_capturable = 0
    intent.amount_received = amount
    intent.processing = emulator.json.null
end

local function succeed(emulator, call, intent, charge)
    settle(emulator, intent, charge, intent.amount)
    events.emit(emulator, call, "charge.succeeded", charge)
    emit(emulator, call, "succeeded", intent)
    dispute.open_as_asked(emulator, charge)
    return intent
end

--- What the clock does to an attempt: nothing when the intent has moved on meanwhile.
local function on_attempt(status, act)
    return function(emulator, args)
        local intent = store.get(emulator.store, "payment_intent", args.intent)
        if intent.status == status and intent.latest_charge == args.charge then
            act(emulator, intent, store.get(emulator.store, "charge", args.charge), args)
        end
    end
end

payment.timers = {
    --- An authorization that nobody captures is given back after seven days.
    ["payment.expire"] = on_attempt("requires_capture", function(emulator, intent, charge)
        charges.release(emulator, nil, charge, "charge.expired")
        payment.close(emulator, nil, intent, "automatic")
    end),
    --- A bank's answer.
    ["payment.settle"] = on_attempt("processing", function(emulator, intent, _charge, args)
        payment.settle(emulator, nil, intent, args.is_ok)
    end),
}

local function authorize(emulator, call, intent, charge)
    intent.status = "requires_capture"
    intent.amount_capturable = intent.amount
    clock.after(emulator.clock, AUTHORIZATION_S, "payment.expire",
        { intent = intent.id, charge = charge.id })
    events.emit(emulator, call, "charge.succeeded", charge)
    emit(emulator, call, "amount_capturable_updated", intent)
    return intent
end

local function refused(emulator, intent, fields)
    local null = emulator.json.null
    intent.status = "requires_payment_method"
    intent.payment_method = null
    intent.next_action = null
    intent.processing = null
    intent.last_payment_error = fields
end

local function decline_fields(emulator, payment_method, method, charge)
    return {
        type = "card_error",
        charge = charge and charge.id,
        code = method.code,
        decline_code = method.decline_code,
        doc_url = "https://stripe.com/docs/error-codes/" .. method.code:gsub("_", "-"),
        message = method.message,
        payment_method = store.copy(emulator.store, payment_method),
    }
end

--- After too many refused attempts Stripe cancels the intent.
local function close_if_worn_out(emulator, call, intent)
    if store.hidden(emulator.store, intent).confirms >= CONFIRMS_MAX then
        payment.close(emulator, call, intent, "automatic")
    end
end

local function decline(emulator, call, intent, payment_method, charge)
    local method = store.hidden(emulator.store, payment_method).method
    local fields = decline_fields(emulator, payment_method, method, charge)
    refused(emulator, intent, fields)
    if charge then
        events.emit(emulator, call, "charge.failed", charge)
    end
    emit(emulator, call, "payment_failed", intent)
    close_if_worn_out(emulator, call, intent)
    local shown = store.copy(emulator.store, fields)
    shown.payment_intent = snapshot(emulator, intent)
    return nil, errors.card(shown)
end

local function new_charge(emulator, intent, payment_method, options)
    local charge = charges.create(emulator, intent, payment_method, options)
    intent.latest_charge = charge.id
    return charge
end

local function approve(emulator, call, intent, payment_method, is_authenticated)
    local options = { status = "succeeded", is_authenticated = is_authenticated }
    local charge = new_charge(emulator, intent, payment_method, options)
    if intent.capture_method == "manual" then
        return authorize(emulator, call, intent, charge)
    end
    return succeed(emulator, call, intent, charge)
end

local function ask_for_action(emulator, call, intent, options)
    intent.status = "requires_action"
    intent.next_action = {
        type = "redirect_to_url",
        redirect_to_url = {
            url = ("%s/pay/%s/3ds"):format(emulator.settings.public_url, intent.client_secret),
            return_url = options.return_url or emulator.json.null,
        },
    }
    emit(emulator, call, "requires_action", intent)
    return intent
end

--- A customer who is not there cannot authenticate: that is a decline.
local function refuse_action(emulator, call, intent, payment_method)
    local hidden = store.hidden(emulator.store, payment_method)
    local method = {
        outcome = "declines",
        card = hidden.method.card,
        code = "authentication_required",
        decline_code = "authentication_required",
        message = "Your card was declined. This transaction requires authentication.",
    }
    local declined = store.copy(emulator.store, payment_method)
    declined.id = store.new_id(emulator.store, "pm")
    store.insert(emulator.store, declined, { method = method })
    local charge = new_charge(emulator, intent, declined, { status = "failed" })
    return decline(emulator, call, intent, declined, charge)
end

--- The bank's answer to a debit, days later or when a test says so.
function payment.settle(emulator, call, intent, is_ok)
    local charge = store.get(emulator.store, "charge", intent.latest_charge)
    if is_ok then
        return succeed(emulator, call, intent, charge)
    end
    local payment_method = store.get(emulator.store, "payment_method", charge.payment_method)
    local method = store.hidden(emulator.store, payment_method).method
    charge.status = "failed"
    charge.failure_code = method.code or "payment_method_provider_decline"
    charge.failure_message = method.message or "The debit was refused by the bank."
    refused(emulator, intent, {
        type = "card_error",
        code = charge.failure_code,
        message = charge.failure_message,
        payment_method = store.copy(emulator.store, payment_method),
    })
    events.emit(emulator, call, "charge.failed", charge)
    emit(emulator, call, "payment_failed", intent)
    return intent
end

local function process(emulator, call, intent, payment_method)
    local settles = store.hidden(emulator.store, payment_method).method.settles
    local charge = new_charge(emulator, intent, payment_method, { status = "pending" })
    intent.status = "processing"
    events.emit(emulator, call, "charge.pending", charge)
    emit(emulator, call, "processing", intent)
    if settles then
        clock.after(emulator.clock, SETTLING_S, "payment.settle",
            { intent = intent.id, charge = charge.id, is_ok = settles == "succeeds" })
    end
    return intent
end

local function attempt(emulator, call, intent, payment_method, options)
    local hidden = store.hidden(emulator.store, intent)
    local method = store.hidden(emulator.store, payment_method).method
    intent.payment_method = payment_method.id
    intent.last_payment_error = emulator.json.null
    intent.next_action = emulator.json.null
    if method.outcome == "declines" then
        local charge = new_charge(emulator, intent, payment_method, { status = "failed" })
        return decline(emulator, call, intent, payment_method, charge)
    elseif method.outcome == "processing" then
        return process(emulator, call, intent, payment_method)
    elseif method.outcome == "succeeds" or hidden.authenticated == payment_method.id then
        return approve(emulator, call, intent, payment_method, method.outcome == "needs_action")
    elseif options.is_off_session or options.is_error_on_action then
        return refuse_action(emulator, call, intent, payment_method)
    end
    return ask_for_action(emulator, call, intent, options)
end

local function is_type_allowed(intent, kind)
    for _, allowed in ipairs(intent.payment_method_types) do
        if allowed == kind then
            return true
        end
    end
    return false
end

--- The PaymentMethod that a token or id names, if this intent may be paid with it.
function payment.choose(emulator, intent, token)
    local payment_method = payment_methods.resolve(emulator, token)
    if not payment_method then
        return nil, errors.no_such(400, "PaymentMethod", token, "payment_method")
    end
    if not is_type_allowed(intent, payment_method.type) then
        local message = ("The PaymentMethod provided (%s) is not allowed for this PaymentIntent. "
            .. "Please attach a PaymentMethod of one of these types: %s.")
            :format(payment_method.type, table.concat(intent.payment_method_types, ", "))
        return nil, errors.invalid("payment_method", nil, message)
    end
    return payment_method
end

--- options: payment_method (token or id), return_url, is_off_session, is_error_on_action.
function payment.confirm(emulator, call, intent, options)
    local refused_by_state = states.refusal(emulator, intent, "confirm")
    if refused_by_state then
        return nil, refused_by_state
    end
    local token = options.payment_method or intent.payment_method
    if token == emulator.json.null then
        local message = "You cannot confirm this PaymentIntent because it's missing a payment "
            .. "method. You can either update the PaymentIntent with a payment method and then "
            .. "confirm it again, or confirm it again directly with a payment method."
        return nil, errors.unexpected_state(message, snapshot(emulator, intent))
    end
    local payment_method, wrong = payment.choose(emulator, intent, token)
    if not payment_method then
        return nil, wrong
    end
    local hidden = store.hidden(emulator.store, intent)
    hidden.confirms = hidden.confirms + 1
    hidden.return_url = options.return_url or hidden.return_url
    return attempt(emulator, call, intent, payment_method, options)
end

local AUTHENTICATION_FAILED = "The provided PaymentMethod has failed authentication. You can "
    .. "provide payment_method_data or a new PaymentMethod to attempt to fulfill this "
    .. "PaymentIntent again."

local function fail_authentication(emulator, call, intent, payment_method)
    refused(emulator, intent, {
        type = "invalid_request_error",
        code = "payment_intent_authentication_failure",
        doc_url = "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        message = AUTHENTICATION_FAILED,
        payment_method = store.copy(emulator.store, payment_method),
    })
    emit(emulator, call, "payment_failed", intent)
    close_if_worn_out(emulator, call, intent)
    return intent
end

--- The customer came back from 3D Secure, or a bank answered: what /_emu/complete_action and the
-- 3DS page do.
function payment.complete_action(emulator, call, intent, is_ok)
    if intent.status == "processing" then
        return payment.settle(emulator, call, intent, is_ok)
    end
    local refused_by_state = states.refusal(emulator, intent, "complete the action of")
    if refused_by_state then
        return nil, refused_by_state
    end
    local payment_method = store.get(emulator.store, "payment_method", intent.payment_method)
    if not is_ok then
        return fail_authentication(emulator, call, intent, payment_method)
    end
    intent.next_action = emulator.json.null
    if intent.confirmation_method == "manual" then
        store.hidden(emulator.store, intent).authenticated = payment_method.id
        intent.status = "requires_confirmation"
        return intent
    end
    return approve(emulator, call, intent, payment_method, true)
end

function payment.capture(emulator, call, intent, amount)
    local refused_by_state = states.refusal(emulator, intent, "capture")
    if refused_by_state then
        return nil, refused_by_state
    end
    amount = amount or intent.amount_capturable
    if amount > intent.amount_capturable then
        return nil, errors.invalid("amount_to_capture", "amount_too_large", "The requested capture "
            .. "amount is greater than the amount that can be captured for this PaymentIntent.")
    end
    local charge = store.get(emulator.store, "charge", intent.latest_charge)
    settle(emulator, intent, charge, amount)
    events.emit(emulator, call, "charge.captured", charge)
    emit(emulator, call, "succeeded", intent)
    dispute.open_as_asked(emulator, charge)
    return intent
end

--- Ends the intent; the caller has checked that it may.
function payment.close(emulator, call, intent, reason)
    local null = emulator.json.null
    intent.status = "canceled"
    intent.canceled_at = clock.now(emulator.clock)
    intent.cancellation_reason = reason or null
    intent.next_action = null
    intent.amount_capturable = 0
    emit(emulator, call, "canceled", intent)
    return intent
end

function payment.cancel(emulator, call, intent, reason)
    local refused_by_state = states.refusal(emulator, intent, "cancel")
    if refused_by_state then
        return nil, refused_by_state
    end
    if intent.status == "requires_capture" then
        local charge = store.get(emulator.store, "charge", intent.latest_charge)
        charges.release(emulator, call, charge, "charge.refunded")
    end
    return payment.close(emulator, call, intent, reason)
end

return payment
