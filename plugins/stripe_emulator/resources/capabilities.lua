--- The capabilities of connected accounts, each as an object of its own.
local accounts = require("stripe_emulator.resources.accounts")
local errors = require("stripe_emulator.wire.errors")
local onboarding = require("stripe_emulator.flows.onboarding")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")

local capabilities = {}

--- account, name of the capability | nil, err.
local function find(emulator, call)
    local account, wrong = owners.connected(emulator, call.ids.account)
    if not account then
        return nil, wrong
    end
    local name = call.ids.capability
    if not accounts.CAPABILITIES[name] then
        return nil, errors.no_such(404, "capability", name, "capability")
    end
    return account, name
end

local function retrieve(emulator, call)
    local account, name = find(emulator, call)
    if not account then
        return nil, name
    end
    return onboarding.capability(emulator, account, name)
end

local function update(emulator, call)
    local account, name = find(emulator, call)
    if not account then
        return nil, name
    end
    if call.params.requested ~= nil then
        onboarding.changed(emulator, call, account, function()
            onboarding.request(emulator, account, { [name] = call.params.requested })
        end)
    end
    return onboarding.capability(emulator, account, name)
end

capabilities.operations = {
    {
        id = "GetAccountsAccountCapabilitiesCapability",
        method = "GET",
        path = "/v1/accounts/{account}/capabilities/{capability}",
        params = { expand = params.expand() },
        returns = "capability",
        run = retrieve,
    },
    {
        id = "PostAccountsAccountCapabilitiesCapability",
        method = "POST",
        path = "/v1/accounts/{account}/capabilities/{capability}",
        params = { expand = params.expand(), requested = params.boolean() },
        returns = "capability",
        run = update,
    },
}

return capabilities
