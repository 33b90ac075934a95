--- What moved a balance, the platform's or a connected account's: one line a movement, with
-- Stripe's fee, pending until available_on. money/books.lua adds them up.
local clock = require("stripe_emulator.state.clock")
local list = require("stripe_emulator.wire.list")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local balance_transactions = {}

local PENDING_S = 2 * 24 * 3600

--- What reports call a type, where that differs from the type.
local CATEGORIES = {
    adjustment = "dispute",
    payment = "charge",
    payment_refund = "refund",
    payout_cancel = "payout_reversal",
    payout_failure = "payout_reversal",
    transfer_refund = "transfer_reversal",
}

--- When it becomes available: days later, unless the entry says at once or when.
local function available_on(entry, now)
    if entry.is_available_at_once then
        return now
    end
    return entry.available_on and math.max(now, entry.available_on) or now + PENDING_S
end

--- entry: type, amount (signed), currency, source (id), and optionally fee, description, account
-- (nil for the platform), is_available_at_once or available_on, category (for reports) and
-- fee_description.
function balance_transactions.create(emulator, entry)
    local null, array = emulator.json.null, emulator.json.array
    local now = clock.now(emulator.clock)
    local fee = entry.fee or 0
    local fee_details = {}
    if fee > 0 then
        fee_details[1] = {
            amount = fee,
            application = null,
            currency = entry.currency,
            description = entry.fee_description or "Stripe processing fees",
            type = "stripe_fee",
        }
    end
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "txn"),
        object = "balance_transaction",
        amount = entry.amount,
        available_on = available_on(entry, now),
        created = now,
        currency = entry.currency,
        description = entry.description or null,
        exchange_rate = null,
        fee = fee,
        fee_details = array(fee_details),
        net = entry.amount - fee,
        reporting_category = entry.category or CATEGORIES[entry.type] or entry.type,
        source = entry.source,
        status = "pending",
        type = entry.type,
    }, { account = entry.account })
end

--- Stripe's fee of a charge: a share (basis points, half up) and a fixed part, never more than
-- the charge.
function balance_transactions.fee(emulator, amount)
    local settings = emulator.settings
    local share = math.floor((amount * settings.fee_bps + 5000) / 10000)
    return math.min(amount, share + settings.fee_fixed_minor)
end

local function view(emulator, object)
    if object.available_on <= clock.now(emulator.clock) then
        object.status = "available"
    end
    return object
end

local function retrieve(emulator, call)
    return owners.find(emulator, call, "balance_transaction", "id")
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "balance_transaction",
        url = "/v1/balance_transactions",
        keep = function(object)
            local hidden = store.hidden(emulator.store, object)
            return hidden.account == call.account
                and (not asked.payout or hidden.payout == asked.payout)
                and (not asked.type or object.type == asked.type)
                and (not asked.source or object.source == asked.source)
                and (not asked.currency or object.currency == asked.currency)
        end,
    }, asked)
end

balance_transactions.prefixes = { txn = "balance_transaction" }
balance_transactions.expandable = { balance_transaction = { source = "any" } }
balance_transactions.views = { balance_transaction = view }
balance_transactions.operations = {
    {
        id = "GetBalanceTransactions",
        method = "GET",
        path = "/v1/balance_transactions",
        params = list.params({
            created = params.range(),
            currency = params.currency(),
            payout = params.text(),
            source = params.text(),
            type = params.text(),
        }),
        returns = "balance_transaction",
        takes_account = true,
        is_list = true,
        run = index,
    },
    {
        id = "GetBalanceTransactionsId",
        method = "GET",
        path = "/v1/balance_transactions/{id}",
        params = { expand = params.expand() },
        returns = "balance_transaction",
        takes_account = true,
        run = retrieve,
    },
}

return balance_transactions
