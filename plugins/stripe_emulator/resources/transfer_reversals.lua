--- Reversals: money of a transfer taken back, whole or in parts, as far as the connected account
-- has it, available or on the way.
local balance_transactions = require("stripe_emulator.resources.balance_transactions")
local books = require("stripe_emulator.money.books")
local clock = require("stripe_emulator.state.clock")
local currencies = require("stripe_emulator.money.currencies")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")
local transfers = require("stripe_emulator.resources.transfers")

local transfer_reversals = {}

--- The amount to take back: nil, err when the transfer or the account does not have it any more.
local function amount_of(emulator, asked, transfer)
    local left = transfer.amount - transfer.amount_reversed
    if left == 0 then
        return nil, errors.invalid(nil, nil, ("Transfer %s is already fully reversed.")
            :format(transfer.id))
    end
    local amount = asked.amount or left
    if amount > left then
        return nil, errors.invalid("amount", nil, ("Reversal amount (%s) is greater than "
            .. "unreversed amount on transfer (%s)"):format(currencies.format(amount,
            transfer.currency), currencies.format(left, transfer.currency)))
    end
    local balance = books.balance(emulator, transfer.destination, transfer.currency)
    if balance.available + balance.pending < amount then
        return nil, errors.invalid(nil, "balance_insufficient", ("Insufficient funds in the "
            .. "connected account %s to reverse this transfer."):format(transfer.destination))
    end
    return amount
end

local function build(emulator, asked, transfer, amount)
    local null = emulator.json.null
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "trr"),
        object = "transfer_reversal",
        amount = amount,
        balance_transaction = null,
        created = clock.now(emulator.clock),
        currency = transfer.currency,
        destination_payment_refund = store.new_id(emulator.store, "pyr"),
        metadata = metadata.merge(asked.metadata),
        source_refund = null,
        transfer = transfer.id,
    })
end

--- What is on the way comes back as what is on the way: neither side is ahead of the charge.
local function move(emulator, reversal, transfer)
    local available_on = transfers.available_on(emulator, transfer)
    reversal.balance_transaction = balance_transactions.create(emulator, {
        type = "transfer_refund",
        amount = reversal.amount,
        currency = reversal.currency,
        source = reversal.id,
        description = "REFUND FOR TRANSFER",
        available_on = available_on,
    }).id
    balance_transactions.create(emulator, {
        account = transfer.destination,
        type = "payment_refund",
        amount = -reversal.amount,
        currency = reversal.currency,
        source = reversal.destination_payment_refund,
        available_on = available_on,
    })
end

--- Counts it against the transfer, and gives a charge that paid for it its room back.
local function count(emulator, reversal, transfer)
    local ids = store.hidden(emulator.store, transfer).reversals
    ids[#ids + 1] = reversal.id
    transfer.amount_reversed = transfer.amount_reversed + reversal.amount
    transfer.reversed = transfer.amount_reversed == transfer.amount
    local charge = store.get(emulator.store, "charge", transfer.source_transaction)
    if charge then
        local hidden = store.hidden(emulator.store, charge)
        hidden.transferred = hidden.transferred - reversal.amount
    end
end

local function create(emulator, call)
    local asked = call.params
    local transfer, wrong = owners.find(emulator, call, "transfer", "id")
    if not transfer then
        return nil, wrong
    end
    local amount
    amount, wrong = amount_of(emulator, asked, transfer)
    if not amount then
        return nil, wrong
    end
    local reversal = build(emulator, asked, transfer, amount)
    move(emulator, reversal, transfer)
    count(emulator, reversal, transfer)
    events.emit(emulator, call, "transfer.reversed", transfer)
    return reversal
end

local function find(emulator, call)
    local transfer, wrong = owners.find(emulator, call, "transfer", "transfer")
    if not transfer then
        return nil, wrong
    end
    local found = store.get(emulator.store, "transfer_reversal", call.ids.id)
    if not found or found.transfer ~= transfer.id then
        return nil, errors.no_such(404, "transfer reversal", call.ids.id, "id")
    end
    return found
end

local function update(emulator, call)
    local reversal, wrong = find(emulator, call)
    if not reversal then
        return nil, wrong
    end
    if call.params.metadata then
        reversal.metadata = metadata.merge(call.params.metadata, reversal.metadata)
        events.emit(emulator, call, "transfer.updated",
            store.get(emulator.store, "transfer", reversal.transfer))
    end
    return reversal
end

local function index(emulator, call)
    local transfer, wrong = owners.find(emulator, call, "transfer", "id")
    if not transfer then
        return nil, wrong
    end
    return list.page(emulator, {
        kind = "transfer_reversal",
        url = ("/v1/transfers/%s/reversals"):format(transfer.id),
        keep = function(reversal)
            return reversal.transfer == transfer.id
        end,
    }, call.params)
end

transfer_reversals.prefixes = { trr = "transfer_reversal" }
transfer_reversals.expandable = {
    transfer_reversal = { balance_transaction = "balance_transaction", transfer = "transfer" },
}
transfer_reversals.operations = {
    {
        id = "PostTransfersIdReversals",
        method = "POST",
        path = "/v1/transfers/{id}/reversals",
        params = {
            amount = params.integer({ min = 1 }),
            description = params.text(),
            expand = params.expand(),
            metadata = params.metadata({ unset = true }),
            refund_application_fee = params.unsupported(),
        },
        returns = "transfer_reversal",
        run = create,
    },
    {
        id = "GetTransfersIdReversals",
        method = "GET",
        path = "/v1/transfers/{id}/reversals",
        params = list.params(),
        returns = "transfer_reversal",
        is_list = true,
        run = index,
    },
    {
        id = "GetTransfersTransferReversalsId",
        method = "GET",
        path = "/v1/transfers/{transfer}/reversals/{id}",
        params = { expand = params.expand() },
        returns = "transfer_reversal",
        run = find,
    },
    {
        id = "PostTransfersTransferReversalsId",
        method = "POST",
        path = "/v1/transfers/{transfer}/reversals/{id}",
        params = { expand = params.expand(), metadata = params.metadata({ unset = true }) },
        returns = "transfer_reversal",
        run = update,
    },
}

return transfer_reversals
