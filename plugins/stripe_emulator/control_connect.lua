--- The controls of connected accounts: what Stripe, a vendor or a bank does to one. Each is
-- {id, method, path, run(emulator, asked, creq) -> status, value}; control.lua makes routes of
-- them.
local onboarding = require("stripe_emulator.flows.onboarding")
local owners = require("stripe_emulator.wire.owners")

local control_connect = {}

local function refuse(status, message)
    return status, { error = { message = message } }
end

local function boolean(value)
    if value == nil then
        return nil
    end
    return value == true or value == "1" or value == "true"
end

--- Names, from an array or from a text with commas.
local function names(value)
    if type(value) ~= "string" then
        return value
    end
    local out = {}
    for name in value:gmatch("[^,%s]+") do
        out[#out + 1] = name
    end
    return out
end

local STATUSES = { active = true, inactive = true, pending = true }

--- An operation of the account in the path.
local function on_account(act)
    return function(emulator, asked, creq)
        local account = owners.connected(emulator, creq.params.account)
        if not account then
            return refuse(404, "No such account.")
        end
        return act(emulator, asked, account)
    end
end

--- ok=0: the vendor left before the end, nothing changes. transfers, card_payments: what becomes of
-- the capability; a later call may take it away again.
local onboard = on_account(function(emulator, asked, account)
    if asked.ok ~= nil and not boolean(asked.ok) then
        return 200, account
    end
    local capabilities = {}
    for _, name in ipairs({ "card_payments", "transfers" }) do
        if asked[name] ~= nil and not STATUSES[asked[name]] then
            return refuse(400, name .. " must be active, inactive or pending.")
        end
        capabilities[name] = asked[name]
    end
    local due = names(asked.currently_due)
    if due ~= nil and type(due) ~= "table" then
        return refuse(400, "currently_due must be an array.")
    end
    return 200, onboarding.apply(emulator, nil, account, {
        capabilities = capabilities,
        currently_due = due,
        disabled_reason = asked.disabled_reason,
        charges_enabled = boolean(asked.charges_enabled),
        payouts_enabled = boolean(asked.payouts_enabled),
    })
end)

local deauthorize = on_account(function(emulator, _asked, account)
    return 200, onboarding.deauthorize(emulator, account)
end)

control_connect.controls = {
    { id = "onboard", method = "POST", path = "/_emu/onboard/{account}", run = onboard },
    { id = "deauthorize", method = "POST", path = "/_emu/deauthorize/{account}",
        run = deauthorize },
}

return control_connect
