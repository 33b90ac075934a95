--- The controls under /_emu: what a test does to the emulated world from outside it. No key is
-- asked for; the process is meant for the machine it runs on. Bodies are JSON; a query may say
-- the same.
local clock = require("stripe_emulator.state.clock")
local connect = require("stripe_emulator.control_connect")
local disputes = require("stripe_emulator.control_dispute")
local emulators = require("stripe_emulator.emulator")
local faults = require("stripe_emulator.wire.faults")
local journal = require("stripe_emulator.state.journal")
local payment = require("stripe_emulator.flows.payment")
local queue = require("stripe_emulator.webhooks.queue")
local store = require("stripe_emulator.state.store")

local control = {}

--- As many events as anybody may want to drop; JSON has no infinity.
local DROP_ALL = 2 ^ 53

local function reply(emulator, status, value)
    return status, emulator.json.encode(value), { ["Content-Type"] = "application/json" }
end

local function refuse(emulator, status, message)
    return reply(emulator, status, { error = { message = message } })
end

--- What was asked, from the JSON body and the query together; nil and why when the body is not
-- JSON.
local function asked_of(emulator, creq)
    local asked, text = {}, creq:body() or ""
    if text ~= "" then
        local decoded = emulator.json.decode(text)
        if type(decoded) ~= "table" then
            return nil, "The body must be a JSON object."
        end
        asked = decoded
    end
    for name, value in pairs(emulator.form_decode(creq.query or "") or {}) do
        if asked[name] == nil then
            asked[name] = value
        end
    end
    return asked
end

local function is_yes(value)
    return value == true or value == "1" or value == "true"
end

local function read_clock(emulator)
    return reply(emulator, 200, { now = clock.now(emulator.clock),
        ahead_s = emulator.clock.shift_s })
end

local function advance(emulator, asked)
    local seconds = tonumber(asked.advance)
    if not seconds or seconds < 0 or seconds % 1 ~= 0 then
        return refuse(emulator, 400, "advance must be a whole number of seconds, at least 0.")
    end
    clock.advance(emulator.clock, seconds)
    return read_clock(emulator)
end

local function reset(emulator)
    emulators.reset(emulator)
    return reply(emulator, 200, { reset = true })
end

local function list_faults(emulator)
    local shown = {}
    for position, rule in ipairs(emulator.faults.rules) do
        shown[position] = { kind = rule.kind, pattern = rule.pattern, seen = rule.seen,
            left = rule.left }
    end
    return reply(emulator, 200, { data = emulator.json.array(shown) })
end

local function add_fault(emulator, asked)
    local is_added, wrong = faults.add(emulator.faults, asked)
    if not is_added then
        return refuse(emulator, 400, wrong)
    end
    return list_faults(emulator)
end

local function clear_faults(emulator)
    faults.clear(emulator.faults)
    return list_faults(emulator)
end

local function read_journal(emulator, asked)
    return reply(emulator, 200, { data = emulator.json.array(journal.find(emulator.journal,
        asked)) })
end

local function read_webhooks(emulator)
    local shown = {}
    for position, delivery in ipairs(queue.list(emulator.webhooks)) do
        local endpoint = store.peek(emulator.store, "webhook_endpoint", delivery.endpoint)
        shown[position] = {
            event = delivery.event,
            type = delivery.type,
            url = endpoint and endpoint.url,
            state = delivery.is_sending and "sending" or "queued",
            attempts = delivery.attempts,
            last_status = delivery.last_status,
            last_error = delivery.last_error,
        }
    end
    local switches = emulator.webhooks.switches
    return reply(emulator, 200, {
        hold = switches.is_held or switches.held_types or false,
        duplicate = switches.copies,
        drop = switches.drop_left,
        before_response = switches.is_before_response or false,
        waiting = emulator.json.array(shown),
    })
end

--- {"a", "b"} -> {a = true, b = true}; nil for all types.
local function set_of(types)
    if not types then
        return nil
    end
    local set = {}
    for _, kind in ipairs(types) do
        set[kind] = true
    end
    return set
end

local function drop(webhooks, count, types)
    local switches = webhooks.switches
    switches.drop_left = tonumber(count) or (is_yes(count) and DROP_ALL or 0)
    switches.drop_types = set_of(types)
end

local function resend(emulator, id)
    local event = store.get(emulator.store, "event", id)
    if event then
        queue.resend(emulator.webhooks, event)
    end
    return event ~= nil
end

--- What each field does, in this order: a shuffle is wanted before a release.
local CHANGES = {
    { "duplicate", function(webhooks, value, asked)
        webhooks.switches.copies = math.max(1, tonumber(value) or 1)
        webhooks.switches.copied_types = set_of(asked.types)
    end },
    { "drop", function(webhooks, value, asked)
        drop(webhooks, value, asked.types)
    end },
    { "before_response", function(webhooks, value)
        webhooks.switches.is_before_response = is_yes(value)
    end },
    { "shuffle", function(webhooks, _value, asked)
        queue.shuffle(webhooks, tonumber(asked.seed))
    end },
    { "hold", function(webhooks, value, asked)
        if is_yes(value) then
            queue.hold(webhooks, set_of(asked.types))
        else
            queue.release(webhooks)
        end
    end },
    { "release", function(webhooks)
        queue.release(webhooks)
    end },
}

local function roll(emulator, secrets, is_connect)
    return #secrets > 0 and emulators.set_secrets(emulator, secrets, is_connect)
end

local function change_webhooks(emulator, asked)
    for _, name in ipairs({ "types", "secrets" }) do
        if asked[name] ~= nil and type(asked[name]) ~= "table" then
            return refuse(emulator, 400, name .. " must be an array.")
        end
    end
    if asked.secrets and not roll(emulator, asked.secrets, is_yes(asked.connect)) then
        return refuse(emulator, 404, "No endpoint is configured, or no secret was given.")
    elseif asked.resend and not resend(emulator, asked.resend) then
        return refuse(emulator, 404, "No such event.")
    end
    for _, change in ipairs(CHANGES) do
        local name, apply = change[1], change[2]
        if asked[name] ~= nil then
            apply(emulator.webhooks, asked[name], asked)
        end
    end
    queue.save_switches(emulator.webhooks)
    return read_webhooks(emulator)
end

local function complete_action(emulator, asked, creq)
    local intent = store.get(emulator.store, "payment_intent", creq.params.intent)
    if not intent then
        return refuse(emulator, 404, "No such payment_intent.")
    end
    local changed, wrong = payment.complete_action(emulator, nil, intent, is_yes(asked.ok))
    if not changed then
        return reply(emulator, wrong.status, { error = wrong.error })
    end
    return reply(emulator, 200, changed)
end

local function route(id, method, path, run)
    return {
        id = "emulator." .. id,
        method = method,
        path = path,
        run = function(emulator, creq)
            emulator.run_due()
            local asked, wrong = asked_of(emulator, creq)
            if not asked then
                return refuse(emulator, 400, wrong)
            end
            return run(emulator, asked, creq)
        end,
    }
end

--- Routes whose run takes (emulator, creq); boot.lua binds the emulator.
control.routes = {
    route("clock", "GET", "/_emu/clock", read_clock),
    route("clock.advance", "POST", "/_emu/clock", advance),
    route("reset", "POST", "/_emu/reset", reset),
    route("faults", "GET", "/_emu/faults", list_faults),
    route("faults.add", "POST", "/_emu/faults", add_fault),
    route("faults.clear", "DELETE", "/_emu/faults", clear_faults),
    route("journal", "GET", "/_emu/journal", read_journal),
    route("webhooks", "GET", "/_emu/webhooks", read_webhooks),
    route("webhooks.change", "POST", "/_emu/webhooks", change_webhooks),
    route("complete_action", "POST", "/_emu/complete_action/{intent}", complete_action),
}
for _, more in ipairs({ connect.controls, disputes.controls }) do
    for _, entry in ipairs(more) do
        control.routes[#control.routes + 1] = route(entry.id, entry.method, entry.path,
            function(emulator, asked, creq)
                local status, value = entry.run(emulator, asked, creq)
                return reply(emulator, status, value)
            end)
    end
end

return control
