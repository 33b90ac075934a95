--- Which event goes to which endpoint and when: the queue, its retries and what a test may do to
-- it (hold, shuffle, duplicate, drop). Pure: sending is sender.lua's. An event's pending_webhooks
-- counts its endpoints not yet reached.
local store = require("stripe_emulator.state.store")

local queue = {}

local ATTEMPTS_MAX = 16
local PAUSE_MAX_MS = 3600 * 1000

--- deps: store, json, random, now_ms, and settings (webhook_retry_ms).
function queue.new(deps)
    return {
        store = deps.store,
        json = deps.json,
        now_ms = deps.now_ms,
        retry_ms = deps.retry_ms,
        deliveries = {},
        is_held = false,
        copies = 1,
        drop_left = 0,
        drop_types = nil,
        is_before_response = false,
        random = 1,
    }
end

--- Events of connected accounts go to endpoints made with connect=true, the platform's own to the
-- others.
local function is_enabled(self, endpoint, event)
    if store.hidden(self.store, endpoint).is_connect ~= (event.account ~= nil) then
        return false
    end
    for _, wanted in ipairs(endpoint.enabled_events) do
        if wanted == "*" or wanted == event.type then
            return true
        end
    end
    return false
end

local function is_dropped(self, kind)
    if self.drop_left <= 0 or (self.drop_types and not self.drop_types[kind]) then
        return false
    end
    self.drop_left = self.drop_left - 1
    return true
end

local function push(self, event, endpoint, payload)
    self.deliveries[#self.deliveries + 1] = {
        event = event,
        url = endpoint.url,
        secrets = store.hidden(self.store, endpoint).secrets,
        payload = payload,
        attempts = 0,
        due_ms = self.now_ms(),
        state = "queued",
        copies_left = self.copies,
    }
end

--- Queues the event for every endpoint that wants it.
function queue.add(self, event)
    local wanted = {}
    for _, endpoint in ipairs(store.all(self.store, "webhook_endpoint")) do
        if is_enabled(self, endpoint, event) then
            wanted[#wanted + 1] = endpoint
        end
    end
    event.pending_webhooks = #wanted
    if #wanted == 0 or is_dropped(self, event.type) then
        return
    end
    local payload = self.json.encode(event)
    for _, endpoint in ipairs(wanted) do
        push(self, event, endpoint, payload)
    end
end

--- Queues an old event once more.
function queue.resend(self, event)
    for _, endpoint in ipairs(store.all(self.store, "webhook_endpoint")) do
        if is_enabled(self, endpoint, event) then
            push(self, event, endpoint, self.json.encode(event))
        end
    end
end

--- The next one to be sent now, marked as on its way, or nil.
function queue.take(self)
    if self.is_held then
        return nil
    end
    local now = self.now_ms()
    for _, delivery in ipairs(self.deliveries) do
        if delivery.state == "queued" and delivery.due_ms <= now then
            delivery.state = "sending"
            return delivery
        end
    end
end

local function remove(self, delivery)
    for position, other in ipairs(self.deliveries) do
        if other == delivery then
            table.remove(self.deliveries, position)
            return
        end
    end
end

--- status: the endpoint's, or nil when it could not be reached.
function queue.finish(self, delivery, status)
    delivery.attempts = delivery.attempts + 1
    delivery.last_status = status
    local is_taken = status and status >= 200 and status < 300
    if is_taken then
        if not delivery.is_counted then
            delivery.is_counted = true
            delivery.event.pending_webhooks = math.max(0, delivery.event.pending_webhooks - 1)
        end
        delivery.copies_left = delivery.copies_left - 1
        delivery.state = "queued"
        if delivery.copies_left <= 0 then
            remove(self, delivery)
        end
        return
    end
    if delivery.attempts >= ATTEMPTS_MAX then
        delivery.state = "given_up"
        remove(self, delivery)
        return
    end
    local pause = math.min(PAUSE_MAX_MS, self.retry_ms * 2 ^ (delivery.attempts - 1))
    delivery.state = "queued"
    delivery.due_ms = self.now_ms() + pause
end

--- A repeatable random order of what waits.
function queue.shuffle(self, seed)
    self.random = seed or self.random
    for position = #self.deliveries, 2, -1 do
        self.random = (self.random * 1103515245 + 12345) % 2147483648
        local other = math.floor(self.random / 65536) % position + 1
        self.deliveries[position], self.deliveries[other] = self.deliveries[other],
            self.deliveries[position]
    end
end

--- Everything that waits becomes due now.
function queue.hurry(self)
    for _, delivery in ipairs(self.deliveries) do
        delivery.due_ms = 0
    end
end

return queue
