--- The controls of disputes: what a buyer's bank does. Each is {id, method, path, run(emulator,
-- asked, creq) -> status, value}; control.lua makes routes of them.
local dispute = require("stripe_emulator.flows.dispute")
local store = require("stripe_emulator.state.store")

local control_dispute = {}

local function refuse(status, message)
    return status, { error = { message = message } }
end

local function is_yes(value)
    return value == true or value == "1" or value == "true"
end

--- A charge, by its own id or its intent's.
local function charge_of(emulator, id)
    local intent = store.peek(emulator.store, "payment_intent", id)
    return store.get(emulator.store, "charge", intent and intent.latest_charge or id)
end

local function is_reason(name)
    for _, known in ipairs(dispute.REASONS) do
        if known == name then
            return true
        end
    end
    return name == nil
end

local function open(emulator, asked, creq)
    local charge = charge_of(emulator, creq.params.id)
    if not charge then
        return refuse(404, "No such charge.")
    elseif not is_reason(asked.reason) then
        return refuse(400, "reason must be one of Stripe's.")
    end
    local made, wrong = dispute.open(emulator, charge, {
        amount = tonumber(asked.amount),
        reason = asked.reason,
        is_inquiry = is_yes(asked.inquiry),
    })
    if not made then
        return refuse(400, wrong)
    end
    return 200, emulator.view(made)
end

--- act(emulator, object, asked) -> object | nil, err
local function on_dispute(act)
    return function(emulator, asked, creq)
        local object = store.get(emulator.store, "dispute", creq.params.id)
        if not object then
            return refuse(404, "No such dispute.")
        end
        local changed, wrong = act(emulator, object, asked)
        if not changed then
            return wrong.status, { error = wrong.error }
        end
        return 200, emulator.view(changed)
    end
end

local close = on_dispute(function(emulator, object, asked)
    return dispute.decide(emulator, object, is_yes(asked.won))
end)

local escalate = on_dispute(function(emulator, object)
    return dispute.escalate(emulator, nil, object)
end)

control_dispute.controls = {
    { id = "dispute", method = "POST", path = "/_emu/dispute/{id}", run = open },
    { id = "dispute.close", method = "POST", path = "/_emu/dispute/{id}/close", run = close },
    { id = "dispute.escalate", method = "POST", path = "/_emu/dispute/{id}/escalate",
        run = escalate },
}

return control_dispute
