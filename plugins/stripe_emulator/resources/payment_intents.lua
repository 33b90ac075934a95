--- PaymentIntents on the wire: what each operation takes and the object it makes. What happens
-- next is flows/payment.lua's.
local clock = require("stripe_emulator.state.clock")
local currencies = require("stripe_emulator.money.currencies")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local params = require("stripe_emulator.wire.params")
local payment = require("stripe_emulator.flows.payment")
local states = require("stripe_emulator.flows.states")
local store = require("stripe_emulator.state.store")

local payment_intents = {}

local SECRET_LENGTH = 25

local function given(value, null)
    if value == nil or value == params.UNSET then
        return null
    end
    return value
end

local function check_amount(amount, code)
    local currency = currencies.find(code)
    if amount < currency.min then
        return errors.invalid("amount", "amount_too_small", ("Amount must be at least %s %s")
            :format(currencies.format(currency.min, code), code))
    elseif amount > currencies.AMOUNT_MAX then
        return errors.invalid("amount", "amount_too_large", ("Amount must be no more than %s %s")
            :format(currencies.format(currencies.AMOUNT_MAX, code), code))
    end
end

--- Since 2023-08-16 automatic payment methods are on unless types are named.
local function methods_of(emulator, asked)
    local array, null = emulator.json.array, emulator.json.null
    local automatic = asked.automatic_payment_methods
    if asked.payment_method_types then
        return array(asked.payment_method_types), null
    elseif automatic and not automatic.enabled then
        local redirects = automatic.allow_redirects or "always"
        return array({ "card" }), { enabled = false, allow_redirects = redirects }
    end
    local types = asked.currency == "usd" and { "card", "us_bank_account" } or { "card" }
    return array(types), {
        enabled = true,
        allow_redirects = automatic and automatic.allow_redirects or "always",
    }
end

local function options_of(null, types)
    local options = {}
    for _, kind in ipairs(types) do
        if kind == "card" then
            options.card = {
                installments = null,
                mandate_options = null,
                network = null,
                request_three_d_secure = "automatic",
            }
        else
            options[kind] = { verification_method = "automatic" }
        end
    end
    return options
end

local function build(emulator, asked)
    local null = emulator.json.null
    local id = store.new_id(emulator.store, "pi")
    local types, automatic = methods_of(emulator, asked)
    return {
        id = id,
        object = "payment_intent",
        amount = asked.amount,
        amount_capturable = 0,
        amount_details = { tip = {} },
        amount_received = 0,
        application = null,
        application_fee_amount = null,
        automatic_payment_methods = automatic,
        canceled_at = null,
        cancellation_reason = null,
        capture_method = asked.capture_method or "automatic",
        client_secret = id .. "_secret_" .. emulator.random(SECRET_LENGTH),
        confirmation_method = asked.confirmation_method or "automatic",
        created = clock.now(emulator.clock),
        currency = asked.currency,
        customer = null,
        description = given(asked.description, null),
        invoice = null,
        last_payment_error = null,
        latest_charge = null,
        livemode = false,
        metadata = metadata.merge(asked.metadata),
        next_action = null,
        on_behalf_of = null,
        payment_method = null,
        payment_method_options = options_of(null, types),
        payment_method_types = types,
        processing = null,
        receipt_email = given(asked.receipt_email, null),
        review = null,
        setup_future_usage = null,
        shipping = given(asked.shipping, null),
        statement_descriptor = given(asked.statement_descriptor, null),
        statement_descriptor_suffix = given(asked.statement_descriptor_suffix, null),
        status = "requires_payment_method",
        transfer_data = null,
        transfer_group = given(asked.transfer_group, null),
    }
end

local ONLY_WITH_CONFIRM = { "error_on_requires_action", "off_session", "return_url" }

local function check_create(asked)
    if asked.automatic_payment_methods and asked.payment_method_types then
        return errors.invalid("payment_method_types", nil, "You may only specify one of these "
            .. "parameters: automatic_payment_methods, payment_method_types.")
    end
    for _, name in ipairs(ONLY_WITH_CONFIRM) do
        if asked[name] ~= nil and not asked.confirm then
            return errors.invalid(name, nil, ("You cannot provide `%s` unless `confirm` is true.")
                :format(name))
        end
    end
    return check_amount(asked.amount, asked.currency)
end

local function confirm_options(asked)
    return {
        payment_method = asked.payment_method,
        return_url = asked.return_url,
        is_off_session = asked.off_session,
        is_error_on_action = asked.error_on_requires_action,
    }
end

local function create(emulator, call)
    local asked = call.params
    local intent = build(emulator, asked)
    if asked.payment_method then
        local payment_method, wrong = payment.choose(emulator, intent, asked.payment_method)
        if not payment_method then
            return nil, wrong
        end
        intent.payment_method = payment_method.id
        intent.status = "requires_confirmation"
    end
    store.insert(emulator.store, intent, { confirms = 0 })
    events.emit(emulator, call, "payment_intent.created", intent)
    if asked.confirm then
        local options = confirm_options(asked)
        options.payment_method = nil
        return payment.confirm(emulator, call, intent, options)
    end
    return intent
end

local function find(emulator, call)
    local found = store.get(emulator.store, "payment_intent", call.ids.intent)
    if not found then
        return nil, errors.no_such(404, "payment_intent", call.ids.intent, "intent")
    end
    local secret = call.params.client_secret
    if secret and secret ~= found.client_secret then
        return nil, errors.invalid("client_secret", nil, "The client_secret provided does not "
            .. "match any associated PaymentIntent on this account. Ensure the client_secret is "
            .. "correct.")
    end
    return found
end

--- An operation on an intent that exists.
local function on_intent(act)
    return function(emulator, call)
        local intent, wrong = find(emulator, call)
        if not intent then
            return nil, wrong
        end
        return act(emulator, call, intent)
    end
end

local function is_group_changed(emulator, asked, intent)
    return asked.transfer_group and intent.transfer_group ~= emulator.json.null
        and asked.transfer_group ~= intent.transfer_group
end

--- What an update may not do in the intent's state.
local function check_update(emulator, asked, intent)
    if is_group_changed(emulator, asked, intent) then
        return errors.invalid("transfer_group", nil,
            "You cannot update the transfer_group of a PaymentIntent once it has been set.")
    end
    for _, name in ipairs({ "amount", "currency", "capture_method", "payment_method" }) do
        local refused = asked[name] ~= nil and states.refusal(emulator, intent, "update")
        if refused then
            return refused
        end
    end
    if asked.amount or asked.currency then
        return check_amount(asked.amount or intent.amount, asked.currency or intent.currency)
    end
end

local PLAIN = {
    "amount", "capture_method", "currency", "description", "receipt_email", "shipping",
        "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group",
}

local update = on_intent(function(emulator, call, intent)
    local asked = call.params
    local wrong = check_update(emulator, asked, intent)
    if wrong then
        return nil, wrong
    end
    if asked.payment_method then
        local payment_method
        payment_method, wrong = payment.choose(emulator, intent, asked.payment_method)
        if not payment_method then
            return nil, wrong
        end
        intent.payment_method = payment_method.id
        intent.status = "requires_confirmation"
        intent.next_action = emulator.json.null
    end
    for _, name in ipairs(PLAIN) do
        if asked[name] ~= nil then
            intent[name] = given(asked[name], emulator.json.null)
        end
    end
    if asked.metadata then
        intent.metadata = metadata.merge(asked.metadata, intent.metadata)
    end
    return intent
end)

local confirm = on_intent(function(emulator, call, intent)
    local asked = call.params
    if asked.receipt_email then
        intent.receipt_email = given(asked.receipt_email, emulator.json.null)
    end
    return payment.confirm(emulator, call, intent, confirm_options(asked))
end)

local capture = on_intent(function(emulator, call, intent)
    local asked = call.params
    local captured, wrong = payment.capture(emulator, call, intent, asked.amount_to_capture)
    if captured and asked.metadata then
        intent.metadata = metadata.merge(asked.metadata, intent.metadata)
    end
    return captured, wrong
end)

local cancel = on_intent(function(emulator, call, intent)
    return payment.cancel(emulator, call, intent, call.params.cancellation_reason)
end)

local function index(emulator, call)
    return list.page(emulator, { kind = "payment_intent", url = "/v1/payment_intents" },
        call.params)
end

local CAPTURE_METHODS = { "automatic", "automatic_async", "manual" }
local UNSUPPORTED = {
    "application_fee_amount", "customer", "mandate", "mandate_data", "on_behalf_of",
        "payment_method_data",
    "payment_method_options", "radar_options", "setup_future_usage", "transfer_data",
        "use_stripe_sdk",
}

--- The fields of one operation: its own, and those of Stripe's that are refused as not emulated.
local function with_unsupported(fields, absent)
    for _, name in ipairs(UNSUPPORTED) do
        if not absent[name] then
            fields[name] = params.unsupported()
        end
    end
    return fields
end

local function types_param()
    return params.array(params.enum({ "card", "us_bank_account" }))
end

local function shipping_param(options)
    local text = params.text()
    local address = params.hash({
        city = text, country = text, line1 = text, line2 = text, postal_code = text, state = text,
    }, { required = true })
    return params.hash({
        address = address,
        carrier = text,
        name = params.text({ required = true }),
        phone = text,
        tracking_number = text,
    }, options)
end

local function create_params()
    return with_unsupported({
        amount = params.integer({ required = true, min = 1 }),
        automatic_payment_methods = params.hash({
            enabled = params.boolean({ required = true }),
            allow_redirects = params.enum({ "always", "never" }),
        }),
        capture_method = params.enum(CAPTURE_METHODS),
        confirm = params.boolean(),
        confirmation_method = params.enum({ "automatic", "manual" }),
        currency = params.currency({ required = true }),
        description = params.text({ max = 1000 }),
        error_on_requires_action = params.boolean(),
        expand = params.expand(),
        metadata = params.metadata(),
        off_session = params.boolean(),
        payment_method = params.text(),
        payment_method_types = types_param(),
        receipt_email = params.email(),
        return_url = params.url(),
        shipping = shipping_param(),
        statement_descriptor = params.text({ max = 22 }),
        statement_descriptor_suffix = params.text({ max = 22 }),
        transfer_group = params.text(),
    }, {})
end

local function update_params()
    return with_unsupported({
        amount = params.integer({ min = 1 }),
        capture_method = params.enum(CAPTURE_METHODS),
        currency = params.currency(),
        description = params.text({ max = 1000 }),
        expand = params.expand(),
        metadata = params.metadata({ unset = true }),
        payment_method = params.text(),
        payment_method_types = params.unsupported(),
        receipt_email = params.email({ unset = true }),
        shipping = shipping_param({ unset = true }),
        statement_descriptor = params.text({ max = 22 }),
        statement_descriptor_suffix = params.text({ max = 22 }),
        transfer_group = params.text(),
    }, { mandate = true, mandate_data = true, on_behalf_of = true, radar_options = true,
        use_stripe_sdk = true })
end

local function confirm_params()
    return with_unsupported({
        capture_method = params.unsupported(),
        client_secret = params.text(),
        error_on_requires_action = params.boolean(),
        expand = params.expand(),
        off_session = params.boolean(),
        payment_method = params.text(),
        payment_method_types = params.unsupported(),
        receipt_email = params.email({ unset = true }),
        return_url = params.url(),
        shipping = params.unsupported(),
    }, { application_fee_amount = true, customer = true, on_behalf_of = true,
        transfer_data = true })
end

local function operation(id, method, suffix, fields, run, check)
    return {
        id = id,
        method = method,
        path = "/v1/payment_intents" .. suffix,
        params = fields,
        returns = "payment_intent",
        run = run,
        check = check,
    }
end

payment_intents.prefixes = { pi = "payment_intent" }
payment_intents.expandable = { payment_intent = { latest_charge = "charge" } }
payment_intents.timers = payment.timers
payment_intents.operations = {
    operation("PostPaymentIntents", "POST", "", create_params(), create, check_create),
    {
        id = "GetPaymentIntents",
        method = "GET",
        path = "/v1/payment_intents",
        params = list.params({ created = params.range(), customer = params.unsupported() }),
        returns = "payment_intent",
        is_list = true,
        run = index,
    },
    operation("GetPaymentIntentsIntent", "GET", "/{intent}", {
        client_secret = params.text(),
        expand = params.expand(),
    }, find),
    operation("PostPaymentIntentsIntent", "POST", "/{intent}", update_params(), update),
    operation("PostPaymentIntentsIntentConfirm", "POST", "/{intent}/confirm", confirm_params(),
        confirm),
    operation("PostPaymentIntentsIntentCapture", "POST", "/{intent}/capture", {
        amount_to_capture = params.integer({ min = 1 }),
        application_fee_amount = params.unsupported(),
        expand = params.expand(),
        metadata = params.metadata({ unset = true }),
        statement_descriptor = params.unsupported(),
        statement_descriptor_suffix = params.unsupported(),
        transfer_data = params.unsupported(),
    }, capture),
    operation("PostPaymentIntentsIntentCancel", "POST", "/{intent}/cancel", {
        cancellation_reason = params.enum({ "abandoned", "duplicate", "fraudulent",
            "requested_by_customer" }),
        expand = params.expand(),
    }, cancel),
}

return payment_intents
