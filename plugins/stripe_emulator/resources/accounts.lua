--- Connected accounts of type express, and the platform's own. What an account may do is changed by
-- flows/onboarding.lua only.
local books = require("stripe_emulator.money.books")
local clock = require("stripe_emulator.state.clock")
local countries = require("stripe_emulator.money.countries")
local errors = require("stripe_emulator.wire.errors")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local onboarding = require("stripe_emulator.flows.onboarding")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local payout = require("stripe_emulator.flows.payout")
local store = require("stripe_emulator.state.store")

local accounts = {}

local PLATFORM_COUNTRY = "US"
local PLATFORM_CURRENCIES = { "usd", "eur", "gbp", "inr", "jpy" }
local PAYOUT_DELAY_DAYS = 2

--- The capabilities that the emulator gives; Stripe has some thirty more, for ways to pay.
accounts.CAPABILITIES = { card_payments = true, transfers = true }

local PROFILE = {
    "mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url",
}

local function settings_of(emulator)
    local null = emulator.json.null
    return {
        bacs_debit_payments = {},
        branding = { icon = null, logo = null, primary_color = null, secondary_color = null },
        card_issuing = { tos_acceptance = { date = null, ip = null } },
        card_payments = {
            decline_on = { avs_failure = false, cvc_failure = false },
            statement_descriptor_prefix = null,
            statement_descriptor_prefix_kana = null,
            statement_descriptor_prefix_kanji = null,
        },
        dashboard = { display_name = null, timezone = "Etc/UTC" },
        payments = {
            statement_descriptor = null,
            statement_descriptor_kana = null,
            statement_descriptor_kanji = null,
        },
        payouts = {
            debit_negative_balances = true,
            schedule = { delay_days = PAYOUT_DELAY_DAYS, interval = "manual" },
            statement_descriptor = null,
        },
        sepa_debit_payments = {},
    }
end

local function profile_of(null)
    local profile = { support_address = null }
    for _, name in ipairs(PROFILE) do
        profile[name] = null
    end
    return profile
end

--- entry: type, country, currency, email, metadata, due (names).
local function build(emulator, entry, hidden)
    local array, null = emulator.json.array, emulator.json.null
    local id = store.new_id(emulator.store, "acct")
    local is_due = #entry.due > 0
    return store.insert(emulator.store, {
        id = id,
        object = "account",
        business_profile = profile_of(null),
        business_type = null,
        capabilities = {},
        charges_enabled = not is_due,
        controller = { type = "application", is_controller = true },
        country = entry.country,
        created = clock.now(emulator.clock),
        default_currency = entry.currency,
        details_submitted = not is_due,
        email = entry.email or null,
        external_accounts = {
            object = "list",
            data = array({}),
            has_more = false,
            url = "/v1/accounts/" .. id .. "/external_accounts",
        },
        future_requirements = onboarding.requirements(emulator, {}),
        metadata = entry.metadata,
        payouts_enabled = not is_due,
        requirements = onboarding.requirements(emulator, entry.due,
            is_due and "requirements.past_due" or nil),
        settings = settings_of(emulator),
        tos_acceptance = { date = null, ip = null, user_agent = null },
        type = entry.type,
    }, hidden)
end

--- The account that the secret key belongs to; made when it is first asked for.
function accounts.platform(emulator)
    for _, account in ipairs(store.all(emulator.store, "account")) do
        if store.hidden(emulator.store, account).is_platform then
            return account
        end
    end
    local account = build(emulator, {
        type = "standard", country = PLATFORM_COUNTRY, currency = "usd", metadata = {}, due = {},
    }, { is_platform = true, requested = {} })
    account.controller = { type = "account" }
    for position, currency in ipairs(PLATFORM_CURRENCIES) do
        account.external_accounts.data[position] = onboarding.bank_account(emulator, account,
            currency)
    end
    return account
end

local function requested_of(asked)
    local wanted = {}
    for name, capability in pairs(asked.capabilities or {}) do
        wanted[name] = capability.requested
    end
    return wanted
end

local function change_profile(emulator, asked, account)
    for name, value in pairs(asked.business_profile or {}) do
        account.business_profile[name] = value ~= params.UNSET and value or emulator.json.null
    end
end

--- Takes over what create and update have in common.
local function change(emulator, asked, account)
    change_profile(emulator, asked, account)
    account.business_type = asked.business_type or account.business_type
    account.email = asked.email or account.email
    if asked.metadata then
        account.metadata = metadata.merge(asked.metadata, account.metadata)
    end
    onboarding.request(emulator, account, requested_of(asked))
    local payouts = asked.settings and asked.settings.payouts
    payout.set_schedule(emulator, account, payouts and payouts.schedule or {})
end

local function check_create(asked)
    if asked.type ~= "express" then
        return errors.invalid("type", "unsupported_by_emulator",
            ("Stripe knows accounts of type %s, this emulator only express."):format(asked.type))
    elseif asked.country and not countries.currency(asked.country) then
        return errors.invalid("country", "country_unsupported",
            ("%s is not currently supported by Stripe."):format(asked.country))
    end
end

local function create(emulator, call)
    local asked = call.params
    local country = asked.country or PLATFORM_COUNTRY
    local account = build(emulator, {
        type = asked.type,
        country = country,
        currency = countries.currency(country),
        metadata = {},
        due = onboarding.WANTED,
    }, { requested = {} })
    change(emulator, asked, account)
    return account
end

local function find(emulator, call)
    return owners.connected(emulator, call.ids.account)
end

local function update(emulator, call)
    local account, wrong = find(emulator, call)
    if not account then
        return nil, wrong
    end
    return onboarding.changed(emulator, call, account, function()
        change(emulator, call.params, account)
    end)
end

local function delete(emulator, call)
    local account, wrong = find(emulator, call)
    if not account then
        return nil, wrong
    end
    for _, currency in ipairs(books.currencies(emulator, account.id)) do
        local balance = books.balance(emulator, account.id, currency)
        if balance.available ~= 0 or balance.pending ~= 0 then
            return nil, errors.invalid(nil, nil, ("The account %s cannot be deleted while its "
                .. "balance is not zero."):format(account.id))
        end
    end
    store.remove(emulator.store, account)
    return { id = account.id, object = "account", deleted = true }
end

local function index(emulator, call)
    return list.page(emulator, {
        kind = "account",
        url = "/v1/accounts",
        keep = function(account)
            local hidden = store.hidden(emulator.store, account)
            return not hidden.is_platform and not hidden.is_deauthorized
        end,
    }, call.params)
end

local function own(emulator, call)
    if call.account then
        return owners.connected(emulator, call.account)
    end
    return accounts.platform(emulator)
end

local function capabilities_param()
    local fields = {}
    for name in pairs(accounts.CAPABILITIES) do
        fields[name] = params.hash({ requested = params.boolean() })
    end
    return params.hash(fields)
end

local function profile_param()
    return params.hash({
        mcc = params.text({ max = 4 }),
        monthly_estimated_revenue = params.unsupported(),
        name = params.text(),
        product_description = params.text({ max = 40000 }),
        support_address = params.unsupported(),
        support_email = params.email(),
        support_phone = params.text(),
        support_url = params.url({ unset = true }),
        url = params.url(),
    })
end

local function settings_param()
    local none = params.unsupported()
    local schedule = params.hash({
        delay_days = params.integer({ min = 0, max = 31 }),
        interval = params.enum({ "daily", "manual", "monthly", "weekly" }),
        monthly_anchor = params.integer({ min = 1, max = 31 }),
        weekly_anchor = params.enum({ "friday", "monday", "saturday", "sunday", "thursday",
            "tuesday", "wednesday" }),
    })
    return params.hash({
        branding = none,
        card_issuing = none,
        card_payments = none,
        payments = none,
        payouts = params.hash({
            debit_negative_balances = none, schedule = schedule, statement_descriptor = none,
        }),
        treasury = none,
    })
end

--- What may be said of an account at any time.
local function fields_with(more)
    local none = params.unsupported()
    local fields = {
        account_token = none,
        business_profile = profile_param(),
        business_type = params.enum({ "company", "government_entity", "individual",
            "non_profit" }),
        capabilities = capabilities_param(),
        company = none,
        default_currency = none,
        documents = none,
        email = params.email(),
        expand = params.expand(),
        external_account = none,
        individual = none,
        metadata = params.metadata({ unset = true }),
        settings = settings_param(),
        tos_acceptance = none,
    }
    for name, declared in pairs(more) do
        fields[name] = declared
    end
    return fields
end

accounts.prefixes = { acct = "account" }
accounts.operations = {
    {
        id = "PostAccounts",
        method = "POST",
        path = "/v1/accounts",
        params = fields_with({
            bank_account = params.unsupported(),
            country = params.text(),
            type = params.enum({ "custom", "express", "standard" }, { required = true }),
        }),
        returns = "account",
        check = check_create,
        run = create,
    },
    {
        id = "GetAccounts",
        method = "GET",
        path = "/v1/accounts",
        params = list.params({ created = params.range() }),
        returns = "account",
        is_list = true,
        run = index,
    },
    {
        id = "GetAccountsAccount",
        method = "GET",
        path = "/v1/accounts/{account}",
        params = { expand = params.expand() },
        returns = "account",
        run = find,
    },
    {
        id = "PostAccountsAccount",
        method = "POST",
        path = "/v1/accounts/{account}",
        params = fields_with({}),
        returns = "account",
        run = update,
    },
    {
        id = "DeleteAccountsAccount",
        method = "DELETE",
        path = "/v1/accounts/{account}",
        params = {},
        returns = "account",
        run = delete,
    },
    {
        id = "GetAccount",
        method = "GET",
        path = "/v1/account",
        params = { expand = params.expand() },
        returns = "account",
        takes_account = true,
        run = own,
    },
}

return accounts
