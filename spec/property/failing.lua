--- Steps of misfortune: Stripe's answers, events, clocks, processes and the database.
local history = require("spec.property.history")
local crash = require("spec.support.crash")

local pick = history.pick

local failing = {}

local FAULTS = {
    "error_before", "drop_before", "html_502", "rate_limit", "lock_timeout", "conflict",
    "slow", "error_after", "drop_after", "hang", "truncate",
}
local PATHS = {
    "/v1/**", "/v1/payment_intents", "/v1/payment_intents/*", "/v1/payment_intents/*/cancel",
    "/v1/refunds", "/v1/transfers", "/v1/transfers/*/reversals", "/v1/accounts", "/v1/balance",
}
local SLOW_MS, HANG_MS = 200, 900
local ADVANCE_MAX_S = 3000

local LABELS = crash.labels()
--- Crash points a history meets, about.
local CRASHES = 4

local function is_ok(answer)
    return answer.status == 200
end

function failing.fault(h, a, b, c)
    local kind = pick(FAULTS, a)
    return is_ok(h.place:emulator("POST", "/faults", {
        kind = kind, path = pick(PATHS, b), times = 1 + math.floor(c * 3),
        ms = kind == "slow" and SLOW_MS or HANG_MS,
        method = c < 0.7 and "POST" or nil,
    }))
end

--- Events are held back, and let go in another order.
function failing.hold_events(h)
    return is_ok(h.place:emulator("POST", "/webhooks", { hold = true }))
end

function failing.release_events(h, a)
    return is_ok(h.place:emulator("POST", "/webhooks",
        { shuffle = true, seed = 1 + math.floor(a * 100000), release = true }))
end

function failing.duplicate_events(h, a)
    return is_ok(h.place:emulator("POST", "/webhooks", { duplicate = 1 + math.floor(a * 3) }))
end

function failing.drop_events(h, a)
    return is_ok(h.place:emulator("POST", "/webhooks", { drop = 1 + math.floor(a * 4) }))
end

function failing.event_first(h, a)
    return is_ok(h.place:emulator("POST", "/webhooks", { before_response = a < 0.5 }))
end

--- Less than Stripe's 24 hours in all: a key may not be forgotten under a call that is still out.
function failing.advance(h, a)
    return is_ok(h.place:emulator("POST", "/clock",
        { advance = math.floor(a * ADVANCE_MAX_S) }))
end

-- Ends of processes
-- --------------------------------------------------------------------------------

--- The next crash point in turn, seeds in a row covering them all.
function failing.crash(h, a, b)
    local label = LABELS[(h.seed * CRASHES + h.crashes) % #LABELS + 1]
    h.crashes = h.crashes + 1
    h.place:arm(label, math.floor(a * 3), b < 0.5 and "worker" or "server")
    return true
end

function failing.kill_server(h)
    if h.w.server:exit_code() then
        return false
    end
    h.w.server:kill_all()
    return true
end

function failing.kill_worker(h, a)
    local worker = pick(h.w.server:workers(), a)
    if worker then
        h.w.server:signal("KILL", worker)
    end
    return worker ~= nil
end

function failing.kill_emulator(h)
    if h.w.stripe:exit_code() then
        return false
    end
    h.w.stripe:kill_all()
    return true
end

function failing.database(h, a)
    h.place:database_down(a < 0.5 and "immediate" or "fast")
    return true
end

function failing.reload(h)
    return is_ok(h:ask("POST", "/api/admin/reload", h.w:admin(), {}))
end

failing.steps = {
    { name = "fault", weight = 9, run = failing.fault },
    { name = "hold events", weight = 1.2, run = failing.hold_events },
    { name = "release events", weight = 1.5, run = failing.release_events },
    { name = "duplicate events", weight = 1, run = failing.duplicate_events },
    { name = "drop events", weight = 1, run = failing.drop_events },
    { name = "event first", weight = 0.6, run = failing.event_first },
    { name = "advance", weight = 1, run = failing.advance },
    { name = "crash", weight = #LABELS > 0 and 4 or 0, run = failing.crash },
    { name = "kill server", weight = 0.6, run = failing.kill_server },
    { name = "kill worker", weight = 0.6, run = failing.kill_worker },
    { name = "kill emulator", weight = 0.6, run = failing.kill_emulator },
    { name = "database", weight = 0.4, run = failing.database },
    { name = "reload", weight = 0.3, run = failing.reload },
}

return failing
