--- A test token made into a PaymentMethod of its own, as Stripe does, and what a charge says
-- about it.
local cards = require("stripe_emulator.money.cards")
local clock = require("stripe_emulator.state.clock")
local store = require("stripe_emulator.state.store")

local payment_methods = {}

local EXPIRY_YEAR = 2034
local EXPIRY_MONTH = 12

local function billing_details(null)
    return {
        address = { city = null, country = null, line1 = null, line2 = null, postal_code = null,
            state = null },
        email = null,
        name = null,
        phone = null,
    }
end

local function checks(null)
    return { address_line1_check = null, address_postal_code_check = null, cvc_check = "pass" }
end

local function card(emulator, method)
    local null = emulator.json.null
    return {
        brand = method.card.brand,
        checks = checks(null),
        country = "US",
        exp_month = EXPIRY_MONTH,
        exp_year = EXPIRY_YEAR,
        fingerprint = "emulator" .. method.card.last4,
        funding = method.card.funding or "credit",
        generated_from = null,
        last4 = method.card.last4,
        networks = { available = emulator.json.array({ method.card.brand }), preferred = null },
        three_d_secure_usage = { supported = true },
        wallet = null,
    }
end

local function bank(emulator, method)
    local null = emulator.json.null
    return {
        account_holder_type = "individual",
        account_type = "checking",
        bank_name = "STRIPE TEST BANK",
        financial_connections_account = null,
        fingerprint = "emulator" .. method.bank.last4,
        last4 = method.bank.last4,
        networks = null,
        routing_number = "110000000",
        status_details = null,
    }
end

--- A stored PaymentMethod by id, or a new one for a test token; nil when it is neither.
function payment_methods.resolve(emulator, token)
    local stored = store.get(emulator.store, "payment_method", token)
    if stored then
        return stored
    end
    local method = cards.find(token)
    if not method then
        return nil
    end
    local null = emulator.json.null
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "pm"),
        object = "payment_method",
        billing_details = billing_details(null),
        card = method.card and card(emulator, method) or nil,
        us_bank_account = method.bank and bank(emulator, method) or nil,
        created = clock.now(emulator.clock),
        customer = null,
        livemode = false,
        metadata = {},
        type = method.card and "card" or "us_bank_account",
    }, { method = method })
end

local function authentication(null, is_authenticated)
    if not is_authenticated then
        return null
    end
    return {
        authentication_flow = "challenge",
        result = "authenticated",
        result_reason = null,
        version = "2.2.0",
    }
end

--- The payment_method_details of a charge.
function payment_methods.details(emulator, payment_method, is_authenticated)
    local null = emulator.json.null
    if payment_method.us_bank_account then
        local account = store.copy(emulator.store, payment_method.us_bank_account)
        account.financial_connections_account = nil
        account.networks = nil
        account.status_details = nil
        return { type = "us_bank_account", us_bank_account = account }
    end
    local held = payment_method.card
    return {
        type = "card",
        card = {
            brand = held.brand,
            checks = checks(null),
            country = held.country,
            exp_month = held.exp_month,
            exp_year = held.exp_year,
            fingerprint = held.fingerprint,
            funding = held.funding,
            installments = null,
            last4 = held.last4,
            mandate = null,
            network = held.brand,
            network_token = { used = false },
            three_d_secure = authentication(null, is_authenticated),
            wallet = null,
        },
    }
end

return payment_methods
