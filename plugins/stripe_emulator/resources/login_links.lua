--- Links by which a vendor opens the Express dashboard (connect/), each good for one visit. What is
-- stored is a `login`, the link as the emulator knows it.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local login_links = {}

local function create(emulator, call)
    local account, wrong = owners.connected(emulator, call.ids.account)
    if not account then
        return nil, wrong
    elseif not account.details_submitted then
        return nil, errors.invalid(nil, nil, "Cannot create a login link for an account that has "
            .. "not completed onboarding.")
    end
    local login = store.insert(emulator.store, {
        id = store.new_id(emulator.store, "login"),
        object = "login",
        account = account.id,
    })
    return {
        object = "login_link",
        created = clock.now(emulator.clock),
        url = ("%s/connect/express/%s"):format(emulator.settings.public_url, login.id),
    }
end

login_links.operations = {
    {
        id = "PostAccountsAccountLoginLinks",
        method = "POST",
        path = "/v1/accounts/{account}/login_links",
        params = { expand = params.expand() },
        returns = "login_link",
        run = create,
    },
}

return login_links
