--- Refunds of charges, whole or partial. They never touch transfers: those are reversed by calls
-- of their own.
local balance_transactions = require("stripe_emulator.resources.balance_transactions")
local clock = require("stripe_emulator.state.clock")
local currencies = require("stripe_emulator.money.currencies")
local dispute = require("stripe_emulator.flows.dispute")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local refunds = {}

--- How long a refund of the pending test card takes, and when one of the failing test card fails.
local SETTLING_S = 24 * 3600

--- The charge that is meant, by its own id or its intent's: charge | nil, err.
local function charge_of(emulator, asked)
    if asked.charge and asked.payment_intent then
        return nil, errors.invalid(nil, nil, "You may only specify one of these parameters: "
            .. "charge, payment_intent.")
    elseif asked.charge then
        local charge = store.get(emulator.store, "charge", asked.charge)
        return charge, not charge and errors.no_such(400, "charge", asked.charge, "charge") or nil
    elseif not asked.payment_intent then
        return nil, errors.invalid("payment_intent", "parameter_missing",
            "One of the following params should be provided for this request: payment_intent or "
                .. "charge.")
    end
    local intent = store.get(emulator.store, "payment_intent", asked.payment_intent)
    if not intent then
        return nil, errors.no_such(400, "payment_intent", asked.payment_intent, "payment_intent")
    elseif intent.status ~= "succeeded" then
        return nil, errors.invalid("payment_intent", nil,
            ("This PaymentIntent (%s) does not have a successful charge to refund.")
                :format(intent.id))
    end
    return store.get(emulator.store, "charge", intent.latest_charge)
end

--- The amount to give back: nil, err when the charge does not have it any more.
local function amount_of(emulator, asked, charge)
    if not charge.captured then
        return nil, errors.invalid("charge", nil, ("Charge %s was not captured and cannot be "
            .. "refunded."):format(charge.id))
    elseif dispute.blocking_refund(emulator, charge) then
        return nil, errors.invalid(nil, "charge_disputed", ("Charge %s has been charged back; "
            .. "cannot issue a refund.")
            :format(charge.id))
    end
    local left = charge.amount - charge.amount_refunded
    if left == 0 then
        return nil, errors.invalid(nil, "charge_already_refunded",
            ("Charge %s has already been refunded."):format(charge.id))
    end
    local amount = asked.amount or left
    if amount > left then
        return nil, errors.invalid("amount", nil, ("Refund amount (%s) is greater than "
            .. "unrefunded amount on charge (%s)")
            :format(currencies.format(amount, charge.currency), currencies.format(left,
            charge.currency)))
    end
    return amount
end

local function move(emulator, refund, kind, amount)
    return balance_transactions.create(emulator, {
        type = kind,
        amount = amount,
        fee = 0,
        currency = refund.currency,
        source = refund.id,
        description = "REFUND FOR CHARGE",
        is_available_at_once = true,
    }).id
end

local function update_event(emulator, call, refund)
    events.emit(emulator, call, "refund.updated", refund)
    events.emit(emulator, call, "charge.refund.updated", refund)
end

--- Fails after it had succeeded: the money comes back and the charge is less refunded again.
local function fail(emulator, refund, charge)
    refund.status = "failed"
    refund.failure_reason = "expired_or_canceled_card"
    refund.failure_balance_transaction = move(emulator, refund, "refund_failure", refund.amount)
    charge.amount_refunded = charge.amount_refunded - refund.amount
    charge.refunded = false
    events.emit(emulator, nil, "refund.failed", refund)
    update_event(emulator, nil, refund)
end

--- What becomes of a refund of the pending or the failing test card.
local function settle(emulator, args)
    local refund = store.get(emulator.store, "refund", args.refund)
    if args.manner == "fails" then
        fail(emulator, refund, store.get(emulator.store, "charge", refund.charge))
    elseif refund.status == "pending" then
        refund.status = "succeeded"
        update_event(emulator, nil, refund)
    end
end

local function build(emulator, asked, charge, amount, manner)
    local null = emulator.json.null
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "re"),
        object = "refund",
        amount = amount,
        balance_transaction = null,
        charge = charge.id,
        created = clock.now(emulator.clock),
        currency = charge.currency,
        metadata = metadata.merge(asked.metadata),
        payment_intent = charge.payment_intent,
        reason = asked.reason or null,
        receipt_number = null,
        source_transfer_reversal = null,
        status = manner == "pending" and "pending" or "succeeded",
        transfer_reversal = null,
    })
end

local function create(emulator, call)
    local asked = call.params
    local charge, wrong = charge_of(emulator, asked)
    if not charge then
        return nil, wrong
    end
    local amount
    amount, wrong = amount_of(emulator, asked, charge)
    if not amount then
        return nil, wrong
    end
    local manner = store.hidden(emulator.store, charge).method.refund
    local refund = build(emulator, asked, charge, amount, manner)
    refund.balance_transaction = move(emulator, refund, "refund", -amount)
    charge.amount_refunded = charge.amount_refunded + amount
    charge.refunded = charge.amount_refunded == charge.amount
    events.emit(emulator, call, "refund.created", refund)
    events.emit(emulator, call, "charge.refunded", charge)
    if manner then
        clock.after(emulator.clock, SETTLING_S, "refund.settle",
            { refund = refund.id, manner = manner })
    end
    return refund
end

local function find(emulator, call)
    local found = store.get(emulator.store, "refund", call.ids.refund)
    if not found then
        return nil, errors.no_such(404, "refund", call.ids.refund, "refund")
    end
    return found
end

local function update(emulator, call)
    local refund, wrong = find(emulator, call)
    if not refund then
        return nil, wrong
    end
    if call.params.metadata then
        refund.metadata = metadata.merge(call.params.metadata, refund.metadata)
        update_event(emulator, call, refund)
    end
    return refund
end

--- Only a refund that waits for the buyer can be canceled, and the emulator's cards make none.
local function cancel(emulator, call)
    local refund, wrong = find(emulator, call)
    if not refund then
        return nil, wrong
    end
    return nil, errors.invalid(nil, nil, ("Refund %s cannot be canceled because it has a status "
        .. "of %s. Only a refund with the status requires_action may be canceled.")
        :format(refund.id, refund.status))
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "refund",
        url = "/v1/refunds",
        keep = function(refund)
            return (not asked.charge or refund.charge == asked.charge)
                and (not asked.payment_intent or refund.payment_intent == asked.payment_intent)
        end,
    }, asked)
end

refunds.prefixes = { re = "refund" }
refunds.expandable = {
    refund = {
        balance_transaction = "balance_transaction", charge = "charge",
            payment_intent = "payment_intent",
    },
}
refunds.timers = { ["refund.settle"] = settle }
refunds.operations = {
    {
        id = "PostRefunds",
        method = "POST",
        path = "/v1/refunds",
        params = {
            amount = params.integer({ min = 1 }),
            charge = params.text(),
            currency = params.unsupported(),
            customer = params.unsupported(),
            expand = params.expand(),
            instructions_email = params.unsupported(),
            metadata = params.metadata({ unset = true }),
            origin = params.unsupported(),
            payment_intent = params.text(),
            reason = params.enum({ "duplicate", "fraudulent", "requested_by_customer" }),
            refund_application_fee = params.unsupported(),
            reverse_transfer = params.unsupported(),
        },
        returns = "refund",
        run = create,
    },
    {
        id = "GetRefunds",
        method = "GET",
        path = "/v1/refunds",
        params = list.params({
            charge = params.text(),
            created = params.range(),
            payment_intent = params.text(),
        }),
        returns = "refund",
        is_list = true,
        run = index,
    },
    {
        id = "GetRefundsRefund",
        method = "GET",
        path = "/v1/refunds/{refund}",
        params = { expand = params.expand() },
        returns = "refund",
        run = find,
    },
    {
        id = "PostRefundsRefund",
        method = "POST",
        path = "/v1/refunds/{refund}",
        params = { expand = params.expand(), metadata = params.metadata({ unset = true }) },
        returns = "refund",
        run = update,
    },
    {
        id = "PostRefundsRefundCancel",
        method = "POST",
        path = "/v1/refunds/{refund}/cancel",
        params = { expand = params.expand() },
        returns = "refund",
        run = cancel,
    },
}

return refunds
