--- Transfers of the platform's money to connected accounts. With source_transaction the money is
-- that charge's: it becomes available when the charge's does, and all of a charge's transfers
-- together, less what was reversed, are no more than the charge. Without, it must be available.
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

local transfers = {}

local REVERSALS_SHOWN = 10

--- The account to be paid: account | nil, err.
local function destination_of(emulator, asked)
    local account = owners.connected(emulator, asked.destination)
    if not account then
        return nil, errors.no_such(400, "destination", asked.destination, "destination")
    elseif account.capabilities.transfers ~= "active" then
        return nil, errors.invalid(nil, "insufficient_capabilities_for_transfer", "Your "
            .. "destination account needs to have at least one of the following capabilities "
            .. "enabled: transfers, crypto_transfers, legacy_payments")
    end
    return account
end

--- Why this charge cannot pay for the transfer, or nil.
local function source_fault(emulator, asked, charge)
    if charge.status ~= "succeeded" or not charge.captured then
        return errors.invalid("source_transaction", nil, ("The source_transaction %s is not a "
            .. "successful, captured charge."):format(charge.id))
    elseif charge.currency ~= asked.currency then
        return errors.invalid("currency", nil, ("The currency of source_transaction's balance "
            .. "transaction (%s) must be the same as the transfer currency (%s)")
            :format(charge.currency, asked.currency))
    end
    local transferred = store.hidden(emulator.store, charge).transferred or 0
    if transferred + asked.amount <= charge.amount_captured then
        return nil
    end
    local message = ("Transfers using this transaction as a source must not exceed the source "
        .. "amount of %s."):format(currencies.format(charge.amount_captured, charge.currency))
    if transferred > 0 then
        message = ("%s (There is already a transfer using this source, amounting to %s.)")
            :format(message, currencies.format(transferred, charge.currency))
    end
    return errors.invalid("amount", nil, message)
end

--- The charge that pays, nil without one; nil, err when it cannot, or when the balance cannot.
local function source_of(emulator, asked)
    if asked.source_transaction then
        local charge = store.get(emulator.store, "charge", asked.source_transaction)
        if not charge then
            return nil, errors.no_such(400, "charge", asked.source_transaction,
                "source_transaction")
        end
        local wrong = source_fault(emulator, asked, charge)
        return not wrong and charge or nil, wrong
    elseif books.balance(emulator, nil, asked.currency).available < asked.amount then
        return nil, errors.invalid(nil, "balance_insufficient", "You have insufficient available "
            .. "funds in your Stripe account. Try adding funds directly to your available balance "
            .. "by creating Charges using the 4000000000000077 test card. See: "
            .. "https://stripe.com/docs/testing#available-balance")
    end
end

local function group_of(asked, charge, null)
    if asked.transfer_group then
        return asked.transfer_group
    elseif not charge then
        return null
    elseif charge.transfer_group == null then
        charge.transfer_group = "group_" .. charge.id
    end
    return charge.transfer_group
end

local function build(emulator, asked, charge)
    local null = emulator.json.null
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "tr"),
        object = "transfer",
        amount = asked.amount,
        amount_reversed = 0,
        balance_transaction = null,
        created = clock.now(emulator.clock),
        currency = asked.currency,
        description = asked.description or null,
        destination = asked.destination,
        destination_payment = store.new_id(emulator.store, "py"),
        livemode = false,
        metadata = metadata.merge(asked.metadata),
        reversed = false,
        source_transaction = charge and charge.id or null,
        source_type = "card",
        transfer_group = group_of(asked, charge, null),
    }, { reversals = {} })
end

--- When money of the transfer is available: when the charge's is, or at once.
function transfers.available_on(emulator, transfer)
    local charge = store.get(emulator.store, "charge", transfer.source_transaction)
    if not charge then
        return clock.now(emulator.clock)
    end
    return store.get(emulator.store, "balance_transaction", charge.balance_transaction)
        .available_on
end

local function move(emulator, transfer)
    local available_on = transfers.available_on(emulator, transfer)
    transfer.balance_transaction = balance_transactions.create(emulator, {
        type = "transfer",
        amount = -transfer.amount,
        currency = transfer.currency,
        source = transfer.id,
        description = transfer.description,
        available_on = available_on,
    }).id
    balance_transactions.create(emulator, {
        account = transfer.destination,
        type = "payment",
        amount = transfer.amount,
        currency = transfer.currency,
        source = transfer.destination_payment,
        available_on = available_on,
    })
end

local function create(emulator, call)
    local asked = call.params
    local _, wrong = destination_of(emulator, asked)
    local charge
    if not wrong then
        charge, wrong = source_of(emulator, asked)
    end
    if wrong then
        return nil, wrong
    end
    local transfer = build(emulator, asked, charge)
    if charge then
        local hidden = store.hidden(emulator.store, charge)
        hidden.transferred = (hidden.transferred or 0) + transfer.amount
    end
    move(emulator, transfer)
    events.emit(emulator, call, "transfer.created", transfer)
    return transfer
end

local function find(emulator, call)
    return owners.find(emulator, call, "transfer", "transfer")
end

local function update(emulator, call)
    local transfer, wrong = find(emulator, call)
    if not transfer then
        return nil, wrong
    end
    local asked = call.params
    if asked.description then
        transfer.description = asked.description
    end
    if asked.metadata then
        transfer.metadata = metadata.merge(asked.metadata, transfer.metadata)
    end
    events.emit(emulator, call, "transfer.updated", transfer)
    return transfer
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "transfer",
        url = "/v1/transfers",
        keep = function(transfer)
            return (not asked.transfer_group or transfer.transfer_group == asked.transfer_group)
                and (not asked.destination or transfer.destination == asked.destination)
        end,
    }, asked)
end

--- With its newest reversals, as Stripe shows a transfer.
local function view(emulator, transfer)
    local shown, data = {}, {}
    for name, value in pairs(transfer) do
        shown[name] = value
    end
    local ids = store.hidden(emulator.store, transfer).reversals
    for position = #ids, math.max(1, #ids - REVERSALS_SHOWN + 1), -1 do
        data[#data + 1] = store.get(emulator.store, "transfer_reversal", ids[position])
    end
    shown.reversals = {
        object = "list",
        data = emulator.json.array(data),
        has_more = #ids > REVERSALS_SHOWN,
        url = ("/v1/transfers/%s/reversals"):format(transfer.id),
    }
    return shown
end

transfers.prefixes = { tr = "transfer" }
transfers.expandable = {
    transfer = {
        balance_transaction = "balance_transaction",
        destination = "account",
        source_transaction = "charge",
    },
}
transfers.views = { transfer = view }
transfers.operations = {
    {
        id = "PostTransfers",
        method = "POST",
        path = "/v1/transfers",
        params = {
            amount = params.integer({ required = true, min = 1 }),
            currency = params.currency({ required = true }),
            description = params.text(),
            destination = params.text({ required = true }),
            expand = params.expand(),
            metadata = params.metadata(),
            source_transaction = params.text(),
            source_type = params.unsupported(),
            transfer_group = params.text(),
        },
        returns = "transfer",
        run = create,
    },
    {
        id = "GetTransfers",
        method = "GET",
        path = "/v1/transfers",
        params = list.params({
            created = params.range(),
            destination = params.text(),
            transfer_group = params.text(),
        }),
        returns = "transfer",
        is_list = true,
        run = index,
    },
    {
        id = "GetTransfersTransfer",
        method = "GET",
        path = "/v1/transfers/{transfer}",
        params = { expand = params.expand() },
        returns = "transfer",
        run = find,
    },
    {
        id = "PostTransfersTransfer",
        method = "POST",
        path = "/v1/transfers/{transfer}",
        params = {
            description = params.text(),
            expand = params.expand(),
            metadata = params.metadata({ unset = true }),
        },
        returns = "transfer",
        run = update,
    },
}

return transfers
