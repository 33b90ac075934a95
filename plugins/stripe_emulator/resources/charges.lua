--- Charges: what a payment attempt left behind, paid or declined. Made by flows/payment.lua only.
local balance_transactions = require("stripe_emulator.resources.balance_transactions")
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local list = require("stripe_emulator.wire.list")
local params = require("stripe_emulator.wire.params")
local payment_methods = require("stripe_emulator.flows.payment_methods")
local store = require("stripe_emulator.state.store")

local charges = {}

--- decline: the refusing method, or nil when the charge went through.
local function outcome(null, decline)
    if not decline then
        return {
            network_status = "approved_by_network",
            reason = null,
            risk_level = "normal",
            risk_score = 12,
            seller_message = "Payment complete.",
            type = "authorized",
        }
    elseif decline.is_blocked then
        return {
            network_status = "not_sent_to_network",
            reason = "highest_risk_level",
            risk_level = "highest",
            risk_score = 92,
            seller_message = "Stripe blocked this payment as too risky.",
            type = "blocked",
        }
    end
    return {
        network_status = "declined_by_network",
        reason = decline.decline_code,
        risk_level = "normal",
        risk_score = 12,
        seller_message = "The bank returned the decline code `" .. decline.decline_code .. "`.",
        type = "issuer_declined",
    }
end

--- status: succeeded, pending or failed; is_captured false leaves an authorization.
function charges.create(emulator, intent, payment_method, options)
    local null = emulator.json.null
    local method = store.hidden(emulator.store, payment_method).method
    local is_failed = options.status == "failed"
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, method.bank and "py" or "ch"),
        object = "charge",
        amount = intent.amount,
        amount_captured = 0,
        amount_refunded = 0,
        application = null,
        application_fee = null,
        application_fee_amount = null,
        balance_transaction = null,
        billing_details = store.copy(emulator.store, payment_method.billing_details),
        calculated_statement_descriptor = "SOUK EMULATOR",
        captured = false,
        created = clock.now(emulator.clock),
        currency = intent.currency,
        customer = null,
        description = intent.description,
        disputed = false,
        failure_balance_transaction = null,
        failure_code = is_failed and method.code or null,
        failure_message = is_failed and method.message or null,
        fraud_details = {},
        invoice = null,
        livemode = false,
        metadata = store.copy(emulator.store, intent.metadata),
        on_behalf_of = null,
        outcome = outcome(null, is_failed and method or nil),
        paid = options.status == "succeeded",
        payment_intent = intent.id,
        payment_method = payment_method.id,
        payment_method_details = payment_methods.details(emulator, payment_method,
            options.is_authenticated),
        receipt_email = intent.receipt_email,
        receipt_number = null,
        receipt_url = null,
        refunded = false,
        review = null,
        shipping = intent.shipping,
        source_transfer = null,
        statement_descriptor = intent.statement_descriptor,
        statement_descriptor_suffix = intent.statement_descriptor_suffix,
        status = options.status,
        transfer_data = null,
        transfer_group = intent.transfer_group,
    }, { method = method })
end

--- Takes the money: amount of the charge's amount; the rest of an authorization is released.
function charges.capture(emulator, charge, amount)
    local method = store.hidden(emulator.store, charge).method
    charge.captured = true
    charge.paid = true
    charge.status = "succeeded"
    charge.amount_captured = amount
    charge.amount_refunded = charge.amount - amount
    charge.balance_transaction = balance_transactions.create(emulator, {
        type = method.bank and "payment" or "charge",
        amount = amount,
        fee = balance_transactions.fee(emulator, amount),
        currency = charge.currency,
        source = charge.id,
        description = charge.description,
        is_available_at_once = method.is_available_at_once,
    }).id
end

--- Gives an uncaptured authorization back.
function charges.release(emulator, call, charge, event)
    charge.amount_refunded = charge.amount
    charge.refunded = true
    events.emit(emulator, call, event, charge)
end

local function retrieve(emulator, call)
    local found = store.get(emulator.store, "charge", call.ids.charge)
    if not found then
        return nil, errors.no_such(404, "charge", call.ids.charge, "id")
    end
    return found
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "charge",
        url = "/v1/charges",
        keep = function(charge)
            return (not asked.payment_intent or charge.payment_intent == asked.payment_intent)
                and (not asked.transfer_group or charge.transfer_group == asked.transfer_group)
        end,
    }, asked)
end

charges.prefixes = { ch = "charge", py = "charge" }
charges.expandable = {
    charge = { balance_transaction = "balance_transaction", payment_intent = "payment_intent" },
}
charges.operations = {
    {
        id = "GetCharges",
        method = "GET",
        path = "/v1/charges",
        params = list.params({
            created = params.range(),
            customer = params.unsupported(),
            payment_intent = params.text(),
            transfer_group = params.text(),
        }),
        returns = "charge",
        is_list = true,
        run = index,
    },
    {
        id = "GetChargesCharge",
        method = "GET",
        path = "/v1/charges/{charge}",
        params = { expand = params.expand() },
        returns = "charge",
        run = retrieve,
    },
}

return charges
