--- Links to the onboarding page (connect/): each is good for one visit within minutes. What is
-- stored is an `onboarding`, the link as the emulator knows it; Stripe shows its address once.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local account_links = {}

local LIFETIME_S = 300

--- Stripe wants both addresses for what a person is sent through.
local function check_create(asked)
    for _, name in ipairs({ "refresh_url", "return_url" }) do
        if not asked[name] then
            return errors.invalid(name, "parameter_missing",
                ("Missing required param: %s."):format(name))
        end
    end
end

local function create(emulator, call)
    local asked = call.params
    local account, wrong = owners.connected(emulator, asked.account)
    if not account then
        return nil, wrong
    elseif asked.type == "account_update" then
        return nil, errors.invalid("type", nil, "You cannot create `account_update` type Account "
            .. "Links for this account.")
    end
    local now = clock.now(emulator.clock)
    local onboarding = store.insert(emulator.store, {
        id = store.new_id(emulator.store, "link"),
        object = "onboarding",
        account = account.id,
        refresh_url = asked.refresh_url,
        return_url = asked.return_url,
        expires_at = now + LIFETIME_S,
    })
    return {
        object = "account_link",
        created = now,
        expires_at = onboarding.expires_at,
        url = ("%s/connect/onboard/%s"):format(emulator.settings.public_url, onboarding.id),
    }
end

account_links.operations = {
    {
        id = "PostAccountLinks",
        method = "POST",
        path = "/v1/account_links",
        params = {
            account = params.text({ required = true }),
            collect = params.enum({ "currently_due", "eventually_due" }),
            expand = params.expand(),
            refresh_url = params.url(),
            return_url = params.url(),
            type = params.enum({ "account_onboarding", "account_update" }, { required = true }),
        },
        returns = "account_link",
        check = check_create,
        run = create,
    },
}

return account_links
