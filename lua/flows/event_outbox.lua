--- What happened, handed to those who want to know. A leader's timer gives each event of the outbox
--- a delivery for every plugin that listens; another runs them, one after the other for a plugin,
--- plugins side by side, each in a transaction with its end. At least once: the key tells a handler
--- what it has seen.
local json = require("core.json")
local log = require("core.log")
local parallel = require("core.parallel")
local db = require("souk.db")
local failures = require("souk.plugin.failures")
local guard = require("souk.plugin.guard")
local loader = require("souk.plugin.loader")

local event_outbox = {}

local FAN_OUT_MAX = 200
local TURN_MAX = 50
local RETRIES = 10
local PAUSE_MAX_S = 3600
local PROBLEM_MAX = 500
local HANDLER_MS = 60000

local function pairs_of(rows)
    local events, consumers = {}, {}
    for _, row in ipairs(rows) do
        for _, consumer in ipairs(loader.consumers(row.type)) do
            events[#events + 1], consumers[#consumers + 1] = row.id, consumer.name
        end
    end
    return events, consumers
end

local function fan_out()
    return db.tx(function()
        local rows, problem = db.query("event/fan_out", FAN_OUT_MAX)
        if not rows then
            return nil, problem
        elseif #rows == 0 then
            return 0
        end
        local ids = {}
        for i, row in ipairs(rows) do
            ids[i] = row.id
        end
        local events, consumers = pairs_of(rows)
        local is_done, failure = db.batch({
            { "event/deliver_to", db.array(events), db.array(consumers) },
            { "event/done", db.array(ids) },
        })
        if not is_done then
            return nil, failure
        end
        return #rows
    end)
end

local function pause_s(attempts)
    return math.min(2 ^ attempts, PAUSE_MAX_S)
end

local function retry(row, consumer, problem)
    local attempts = row.attempts + 1
    local is_last = attempts > (consumer.retries or RETRIES)
    if is_last then
        log.error("event.dead", { event = row.id, type = row.type, consumer = consumer.name })
    end
    return db.exec("event/retry", row.id, consumer.name, tostring(problem):sub(1, PROBLEM_MAX),
        not is_last and pause_s(attempts) or nil)
end

local function event_of(row, consumer)
    return {
        id = row.id, type = row.type, data = json.decode(tostring(row.data)),
        createdAt = row.created_at, key = ("event:%d:%s"):format(row.id, consumer.name),
    }
end

local function consumer_of(name, event_type)
    for _, consumer in ipairs(loader.consumers(event_type)) do
        if consumer.name == name then
            return consumer
        end
    end
end

--- Runs the handler in the transaction that ends the delivery. true; or nil, err and the problem.
local function handle(row, consumer)
    local is_ok, value, why = guard.call(consumer.name, "event " .. row.type, HANDLER_MS,
        consumer.run, event_of(row, consumer))
    if is_ok and (value ~= nil or why == nil) then
        return true
    end
    return nil, guard.text(is_ok and why or value)
end

--- One event for one plugin, in one transaction. Whether there was one that it took.
local function deliver(name)
    local row, consumer, problem
    local is_done = db.tx(function()
        local failure, is_handled
        row, failure = db.one("event/take", name)
        if not row then
            return failure == nil and "none" or nil, failure
        end
        consumer = consumer_of(name, row.type)
        if consumer then
            is_handled, problem = handle(row, consumer)
            if not is_handled then
                return nil, { code = "handler" }
            end
        end
        return db.exec("event/finish", row.id, name)
    end)
    if not is_done and row and consumer then
        problem = problem or "not committed"
        failures.note(name, "event " .. row.type, problem)
        retry(row, consumer, problem)
    end
    return is_done and is_done ~= "none"
end

local function deliver_all(name)
    for _ = 1, TURN_MAX do
        if not deliver(name) then
            return
        end
    end
end

--- One turn of the timer.
function event_outbox.run()
    local count, problem
    repeat
        count, problem = fan_out()
    until problem or count < FAN_OUT_MAX
    if problem then
        log.warn("event.fan_out.failed", { code = problem.code })
    end
    local turns = {}
    for i, plugin in ipairs(loader.plugins) do
        turns[i] = function()
            deliver_all(plugin.name)
        end
    end
    if #turns > 0 then
        parallel(unpack(turns))
    end
end

return event_outbox
