--- Payouts to a bank account, the platform's or (Stripe-Account) a connected account's. What
-- becomes of one is in flows/payout.lua.
local accounts = require("stripe_emulator.resources.accounts")
local errors = require("stripe_emulator.wire.errors")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local payout = require("stripe_emulator.flows.payout")
local store = require("stripe_emulator.state.store")

local payouts = {}

local function create(emulator, call)
    local asked = call.params
    if asked.method == "instant" then
        return nil, errors.invalid("method", "instant_payouts_unsupported",
            "This account isn't enabled for instant payouts.")
    end
    local account = call.account and owners.connected(emulator, call.account)
        or accounts.platform(emulator)
    return payout.create(emulator, call, account, asked)
end

local function find(emulator, call)
    return owners.find(emulator, call, "payout", "payout")
end

local function update(emulator, call)
    local made, wrong = find(emulator, call)
    if not made then
        return nil, wrong
    end
    if call.params.metadata then
        made.metadata = metadata.merge(call.params.metadata, made.metadata)
        payout.tell(emulator, call, "updated", made)
    end
    return made
end

local function cancel(emulator, call)
    local made, wrong = find(emulator, call)
    if not made then
        return nil, wrong
    end
    return payout.cancel(emulator, call, made)
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "payout",
        url = "/v1/payouts",
        keep = function(made)
            return store.hidden(emulator.store, made).account == call.account
                and list.is_within(asked.arrival_date, made.arrival_date)
                and (not asked.destination or made.destination == asked.destination)
                and (not asked.status or made.status == asked.status)
        end,
    }, asked)
end

payouts.prefixes = { po = "payout" }
payouts.expandable = {
    payout = {
        balance_transaction = "balance_transaction",
        failure_balance_transaction = "balance_transaction",
    },
}
payouts.timers = payout.timers
payouts.operations = {
    {
        id = "PostPayouts",
        method = "POST",
        path = "/v1/payouts",
        params = {
            amount = params.integer({ required = true, min = 1 }),
            currency = params.currency({ required = true }),
            description = params.text(),
            destination = params.text(),
            expand = params.expand(),
            metadata = params.metadata(),
            method = params.enum({ "instant", "standard" }),
            source_type = params.unsupported(),
            statement_descriptor = params.text({ max = 22 }),
        },
        returns = "payout",
        takes_account = true,
        run = create,
    },
    {
        id = "GetPayouts",
        method = "GET",
        path = "/v1/payouts",
        params = list.params({
            arrival_date = params.range(),
            created = params.range(),
            destination = params.text(),
            status = params.text(),
        }),
        returns = "payout",
        is_list = true,
        takes_account = true,
        run = index,
    },
    {
        id = "GetPayoutsPayout",
        method = "GET",
        path = "/v1/payouts/{payout}",
        params = { expand = params.expand() },
        returns = "payout",
        takes_account = true,
        run = find,
    },
    {
        id = "PostPayoutsPayout",
        method = "POST",
        path = "/v1/payouts/{payout}",
        params = { expand = params.expand(), metadata = params.metadata({ unset = true }) },
        returns = "payout",
        takes_account = true,
        run = update,
    },
    {
        id = "PostPayoutsPayoutCancel",
        method = "POST",
        path = "/v1/payouts/{payout}/cancel",
        params = { expand = params.expand() },
        returns = "payout",
        takes_account = true,
        run = cancel,
    },
}

return payouts
