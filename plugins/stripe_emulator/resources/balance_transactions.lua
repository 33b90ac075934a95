--- What moved the platform's balance: one line a charge or refund, with Stripe's fee, pending
-- until available_on.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local list = require("stripe_emulator.wire.list")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local balance_transactions = {}

local PENDING_S = 2 * 24 * 3600

--- entry: type, amount (signed), fee, currency, source (id), description, is_available_at_once.
function balance_transactions.create(emulator, entry)
    local null, array = emulator.json.null, emulator.json.array
    local now = clock.now(emulator.clock)
    local fee_details = {}
    if entry.fee > 0 then
        fee_details[1] = {
            amount = entry.fee,
            application = null,
            currency = entry.currency,
            description = "Stripe processing fees",
            type = "stripe_fee",
        }
    end
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "txn"),
        object = "balance_transaction",
        amount = entry.amount,
        available_on = entry.is_available_at_once and now or now + PENDING_S,
        created = now,
        currency = entry.currency,
        description = entry.description or null,
        exchange_rate = null,
        fee = entry.fee,
        fee_details = array(fee_details),
        net = entry.amount - entry.fee,
        reporting_category = entry.type,
        source = entry.source,
        status = "pending",
        type = entry.type,
    })
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
    local found = store.get(emulator.store, "balance_transaction", call.ids.id)
    if not found then
        return nil, errors.no_such(404, "balance_transaction", call.ids.id, "id")
    end
    return found
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "balance_transaction",
        url = "/v1/balance_transactions",
        keep = function(object)
            return (not asked.type or object.type == asked.type)
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
            payout = params.unsupported(),
            source = params.text(),
            type = params.text(),
        }),
        returns = "balance_transaction",
        is_list = true,
        run = index,
    },
    {
        id = "GetBalanceTransactionsId",
        method = "GET",
        path = "/v1/balance_transactions/{id}",
        params = { expand = params.expand() },
        returns = "balance_transaction",
        run = retrieve,
    },
}

return balance_transactions
