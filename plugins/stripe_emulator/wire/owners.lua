--- Whose an object is and who asks: the platform (no account), or a connected account for which the
-- platform calls with the header Stripe-Account (call.account). Beside an object stands
-- hidden.account; what belongs to another is not there for the one who asks.
local errors = require("stripe_emulator.wire.errors")
local store = require("stripe_emulator.state.store")

local owners = {}

--- account: an id, nil for the platform.
function owners.is_of(emulator, object, account)
    return store.hidden(emulator.store, object).account == account
end

--- The caller's object that the path names: object | nil, err. param: the path's name for it.
function owners.find(emulator, call, kind, param)
    local id = call.ids[param]
    local found = store.get(emulator.store, kind, id)
    if not found or not owners.is_of(emulator, found, call.account) then
        return nil, errors.no_such(404, kind, id, param)
    end
    return found
end

--- The connected account, if the platform has access to it: account | nil, err.
function owners.connected(emulator, id)
    local account = store.get(emulator.store, "account", id)
    local hidden = account and store.hidden(emulator.store, account)
    if not account or hidden.is_platform or hidden.is_deauthorized then
        return nil, errors.account_invalid(emulator.settings.secret_key, id)
    end
    return account
end

return owners
