--- What becomes of a connected account: what Stripe still wants to know of it, what it may do, and
-- the events that tell of it. Every change of an account's abilities goes through
-- onboarding.apply.
local clock = require("stripe_emulator.state.clock")
local events = require("stripe_emulator.resources.events")
local store = require("stripe_emulator.state.store")

local onboarding = {}

--- What a new Express account still lacks.
onboarding.WANTED = {
    "business_profile.product_description", "business_profile.support_phone",
    "business_profile.url", "business_type", "external_account", "tos_acceptance.date",
    "tos_acceptance.ip",
}

local ABILITIES = {
    "capabilities", "charges_enabled", "details_submitted", "payouts_enabled", "requirements",
}

--- currently_due: an array of names; reason: why something is off, or nil.
function onboarding.requirements(emulator, currently_due, reason)
    local array, null = emulator.json.array, emulator.json.null
    local function due()
        return array(store.copy(emulator.store, currently_due))
    end
    return {
        alternatives = array({}),
        current_deadline = null,
        currently_due = due(),
        disabled_reason = reason or null,
        errors = array({}),
        eventually_due = due(),
        past_due = reason and due() or array({}),
        pending_verification = array({}),
    }
end

--- The bank account that a vendor, or the platform, gave Stripe for payouts in the currency.
function onboarding.bank_account(emulator, account, currency)
    local array, null = emulator.json.array, emulator.json.null
    return {
        id = store.new_id(emulator.store, "ba"),
        object = "bank_account",
        account = account.id,
        account_holder_name = null,
        account_holder_type = null,
        account_type = null,
        available_payout_methods = array({ "standard" }),
        bank_name = "STRIPE TEST BANK",
        country = account.country,
        currency = currency,
        default_for_currency = true,
        fingerprint = "emulator6789",
        future_requirements = null,
        last4 = "6789",
        metadata = {},
        requirements = null,
        routing_number = "110000000",
        status = "new",
    }
end

--- A capability in the shape it has of its own.
function onboarding.capability(emulator, account, name)
    local array, null = emulator.json.array, emulator.json.null
    local requested_at = store.hidden(emulator.store, account).requested[name]
    local due, reason = array({}), null
    if requested_at and account.capabilities[name] ~= "active" then
        due = account.requirements.currently_due
        reason = account.requirements.disabled_reason
    end
    local function requirements(currently_due, disabled_reason)
        return {
            alternatives = array({}),
            current_deadline = null,
            currently_due = currently_due,
            disabled_reason = disabled_reason,
            errors = array({}),
            eventually_due = currently_due,
            past_due = array({}),
            pending_verification = array({}),
        }
    end
    return {
        id = name,
        object = "capability",
        account = account.id,
        future_requirements = requirements(array({}), null),
        requested = requested_at ~= nil,
        requested_at = requested_at or null,
        requirements = requirements(due, reason),
        status = account.capabilities[name] or "unrequested",
    }
end

local function is_same(one, other)
    if type(one) ~= "table" or type(other) ~= "table" then
        return one == other
    end
    for key, value in pairs(one) do
        if not is_same(value, other[key]) then
            return false
        end
    end
    for key in pairs(other) do
        if one[key] == nil then
            return false
        end
    end
    return true
end

local function abilities_of(emulator, account)
    local out = {}
    for _, name in ipairs(ABILITIES) do
        out[name] = store.copy(emulator.store, account[name])
    end
    return out
end

--- Tells of what changed since `before`: account.updated always, a capability.updated for each that
-- changed.
local function tell(emulator, call, account, before)
    local previous
    for _, name in ipairs(ABILITIES) do
        if not is_same(before[name], account[name]) then
            previous = previous or {}
            previous[name] = before[name]
        end
    end
    events.emit(emulator, call, "account.updated", account, previous, account.id)
    for name, status in pairs(account.capabilities) do
        if before.capabilities[name] ~= status then
            events.emit(emulator, call, "capability.updated",
                onboarding.capability(emulator, account, name), nil, account.id)
        end
    end
end

--- Requests capabilities or gives them back: wanted is {name = boolean}. A new one is active at
-- once when nothing else is due.
function onboarding.request(emulator, account, wanted)
    local requested = store.hidden(emulator.store, account).requested
    local is_ready = account.details_submitted and #account.requirements.currently_due == 0
    for name, is_requested in pairs(wanted) do
        if is_requested and not requested[name] then
            requested[name] = clock.now(emulator.clock)
            account.capabilities[name] = is_ready and "active" or "inactive"
        elseif not is_requested then
            requested[name] = nil
            account.capabilities[name] = nil
        end
    end
end

local function has_bank(account, currency)
    for _, bank in ipairs(account.external_accounts.data) do
        if bank.currency == currency then
            return true
        end
    end
    return false
end

local function submit(emulator, account)
    account.details_submitted = true
    account.tos_acceptance.date = clock.now(emulator.clock)
    if not has_bank(account, account.default_currency) then
        local banks = account.external_accounts.data
        banks[#banks + 1] = onboarding.bank_account(emulator, account, account.default_currency)
    end
end

--- Sets each requested capability; whether all are active.
local function set_capabilities(account, statuses, default)
    local is_whole = true
    for name in pairs(account.capabilities) do
        account.capabilities[name] = statuses[name] or default
        is_whole = is_whole and account.capabilities[name] == "active"
    end
    return is_whole
end

local function either(asked, otherwise)
    if asked == nil then
        return otherwise
    end
    return asked
end

--- The state Stripe would put the account into. asked: capabilities ({name = status}),
-- currently_due (array), disabled_reason, charges_enabled, payouts_enabled; what is absent is as it
-- would be when all is well.
function onboarding.apply(emulator, call, account, asked)
    local before = abilities_of(emulator, account)
    local due = asked.currently_due or {}
    submit(emulator, account)
    local is_whole = set_capabilities(account, asked.capabilities or {},
        #due == 0 and "active" or "inactive")
    local reason = asked.disabled_reason or (#due > 0 and "requirements.past_due") or nil
    account.requirements = onboarding.requirements(emulator, due, reason)
    account.charges_enabled = either(asked.charges_enabled,
        account.capabilities.card_payments == "active")
    account.payouts_enabled = either(asked.payouts_enabled, is_whole)
    tell(emulator, call, account, before)
    return account
end

--- A change that runs apart from onboarding (an update by the platform) and its events.
function onboarding.changed(emulator, call, account, change)
    local before = abilities_of(emulator, account)
    change()
    tell(emulator, call, account, before)
    return account
end

--- The vendor, or Stripe, has ended the platform's access.
function onboarding.deauthorize(emulator, account)
    store.hidden(emulator.store, account).is_deauthorized = true
    local application = { id = "ca_emulator", object = "application", name = "souk" }
    events.emit(emulator, nil, "account.application.deauthorized", application, nil, account.id)
    return account
end

return onboarding
