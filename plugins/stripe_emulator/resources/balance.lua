--- What an account has: available now, and on the way.
local accounts = require("stripe_emulator.resources.accounts")
local books = require("stripe_emulator.money.books")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")

local balance = {}

--- The default currency is always there, others once they moved.
local function currencies_of(emulator, account, default)
    local codes = books.currencies(emulator, account)
    for _, code in ipairs(codes) do
        if code == default then
            return codes
        end
    end
    table.insert(codes, 1, default)
    return codes
end

local function retrieve(emulator, call)
    local array = emulator.json.array
    local account = call.account and owners.connected(emulator, call.account)
        or accounts.platform(emulator)
    local shown = { object = "balance", livemode = false, available = array({}),
        pending = array({}) }
    for position, currency in ipairs(currencies_of(emulator, call.account,
        account.default_currency)) do
        local sums = books.balance(emulator, call.account, currency)
        for name, amount in pairs(sums) do
            shown[name][position] = { amount = amount, currency = currency,
                source_types = { card = amount } }
        end
    end
    return shown
end

balance.operations = {
    {
        id = "GetBalance",
        method = "GET",
        path = "/v1/balance",
        params = { expand = params.expand() },
        returns = "balance",
        takes_account = true,
        run = retrieve,
    },
}

return balance
