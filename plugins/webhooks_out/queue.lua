--- Deliveries: kept with the event, sent by timers. Several lanes, so that an endpoint that lets us
--- wait holds up no other; of one endpoint only the oldest is under way (delivery/take).
local crypto = require("souk.crypto")
local db = require("souk.db")
local events = require("souk.events")
local fetch = require("souk.fetch")
local json = require("souk.json")
local log = require("souk.log")
local settings = require("souk.settings")
local time = require("souk.time")
local signature = require("webhooks_out.signature")

local queue = { TEST = "webhooks_out.test" }

local WAITING_MAX = 10000
--- Longer than a request and what comes after it can take.
local LEASE_S = 60
local TURN_MS = 10000
local PAUSE_MAX_S = 3600
local ANSWER_SHOWN = 500
local KEPT_DAYS = 30
local GONE = 410

local function body_of(id, event_type, at, data)
    return json.encode({ id = id, type = event_type, timestamp = at, data = data })
end

--- The handler of every event, in the transaction of its delivery to this plugin.
function queue.keep(event)
    local id = "evt_" .. event.id
    return db.exec("delivery/add", id, event.type,
        body_of(id, event.type, event.createdAt, event.data), WAITING_MAX)
end

--- An event that says nothing, for one endpoint. Its row {id}; or nil, err.
function queue.test(endpoint_id)
    local id = "evt_test_" .. crypto.uuid7()
    local body = body_of(id, queue.TEST, time.rfc3339(), json.object({}))
    return db.one("delivery/test", endpoint_id, id, queue.TEST, body)
end

local function shown(answer)
    return (answer.body:sub(1, ANSWER_SHOWN):gsub("[^\32-\126\n\t]", "?"))
end

--- Twice as long each time; longer when the other side asks for it.
local function pause_s(attempts, answer)
    local asked = answer and tonumber((answer.header("Retry-After") or ""):match("^%d+$")) or 0
    local usual = settings.firstPauseS * 2 ^ math.min(attempts - 1, 20)
    return math.min(math.max(usual, asked), PAUSE_MAX_S)
end

--- The endpoint is left alone, its events wait; others may be told, by an event of ours.
local function pause(row, problem)
    local paused, failure = db.one("endpoint/pause", row.endpoint_id, problem)
    if failure then
        return nil, failure
    elseif not paused then
        return true
    end
    log.warn("webhooks_out.paused", { endpoint = row.endpoint_id, attempts = row.attempts + 1 })
    return events.emit("endpoint_paused", {
        endpointId = row.endpoint_id, deliveryId = row.id, reason = problem,
    })
end

local function fail(row, answer, problem)
    local attempts, status = row.attempts + 1, answer and answer.status
    return db.tx(function()
        local is_noted, failure = db.exec("delivery/fail", row.id, status,
            answer and shown(answer), problem, pause_s(attempts, answer))
        if not is_noted then
            return nil, failure
        elseif attempts < settings.attempts and status ~= GONE then
            return true
        end
        return pause(row, problem)
    end)
end

local function send(row)
    local at_s = math.floor(time.now_ms() / 1000)
    local answer, problem = fetch.request({
        method = "POST", url = row.url, body = row.body, timeout_ms = settings.timeoutMs,
        headers = {
            ["Content-Type"] = "application/json", ["User-Agent"] = "souk-webhooks/1",
            ["webhook-id"] = row.message_id, ["webhook-timestamp"] = tostring(at_s),
            ["webhook-signature"] = signature.of(row, at_s),
        },
    })
    if not answer then
        return fail(row, nil, problem.message)
    elseif answer.status < 200 or answer.status > 299 then
        return fail(row, answer, "answered " .. answer.status)
    end
    return db.exec("delivery/finish", row.id, answer.status, shown(answer))
end

--- A lane's turn: what is due, one after the other. A reload waits for it: so it is short.
function queue.run()
    local end_ms = time.now_ms() + TURN_MS
    while time.now_ms() < end_ms do
        local row, problem = db.one("delivery/take", LEASE_S)
        if not row then
            return problem == nil or nil, problem
        end
        local is_noted, failure = send(row)
        if not is_noted then
            return nil, failure
        end
    end
    return true
end

function queue.sweep()
    return db.exec("delivery/sweep", KEPT_DAYS)
end

return queue
