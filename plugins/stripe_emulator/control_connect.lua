--- The controls of connected accounts: what Stripe, a vendor or a bank does to one. Each is
-- {id, method, path, run(emulator, asked, creq) -> status, value}; control.lua makes routes of
-- them.
local accounts = require("stripe_emulator.resources.accounts")
local onboarding = require("stripe_emulator.flows.onboarding")
local owners = require("stripe_emulator.wire.owners")
local payout = require("stripe_emulator.flows.payout")
local store = require("stripe_emulator.state.store")

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

local INTERVALS = { daily = true, manual = true, monthly = true, weekly = true }

--- "daily", "weekly:friday", "monthly:15", "manual" -> the fields of Stripe's schedule, or nil.
local function schedule_of(text)
    local interval, anchor = tostring(text):match("^(%l+):?(%w*)$")
    if not INTERVALS[interval] then
        return nil
    elseif anchor == "" then
        return { interval = interval }
    elseif interval == "weekly" then
        return { interval = interval, weekly_anchor = anchor }
    end
    return interval == "monthly" and tonumber(anchor)
        and { interval = interval, monthly_anchor = tonumber(anchor) } or nil
end

--- account: whose, the platform's own without. schedule: when; run: all that is available, now.
local function pay_out(emulator, asked)
    local account = asked.account and owners.connected(emulator, asked.account)
        or not asked.account and accounts.platform(emulator)
    if not account then
        return refuse(404, "No such account.")
    end
    local schedule = asked.schedule and schedule_of(asked.schedule)
    if asked.schedule and not schedule then
        return refuse(400, "schedule must be manual, daily, weekly:DAY or monthly:NUMBER.")
    end
    payout.set_schedule(emulator, account, schedule or {})
    if boolean(asked.run) then
        payout.run(emulator, account)
    end
    return 200, account.settings.payouts
end

local function fail_payout(emulator, asked, creq)
    local made = store.get(emulator.store, "payout", creq.params.payout)
    if not made then
        return refuse(404, "No such payout.")
    end
    local failed = payout.fail(emulator, made, asked.code or "account_closed")
    if not failed then
        return refuse(400, "This payout has already ended.")
    end
    return 200, failed
end

control_connect.controls = {
    { id = "onboard", method = "POST", path = "/_emu/onboard/{account}", run = onboard },
    { id = "deauthorize", method = "POST", path = "/_emu/deauthorize/{account}",
        run = deauthorize },
    { id = "payouts", method = "POST", path = "/_emu/payouts", run = pay_out },
    { id = "payout_fail", method = "POST", path = "/_emu/payout_fail/{payout}",
        run = fail_payout },
}

return control_connect
