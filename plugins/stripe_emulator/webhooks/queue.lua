--- Which event goes to which endpoint and when: the queue, its retries and what a test may do to
-- it (hold, shuffle, duplicate, drop). Pure: sending is sender.lua's. An event's pending_webhooks
-- counts its endpoints not yet reached.
--
-- A delivery waits in one of three places: `ready` (in the order of the queue), `later` (a retry,
-- by its time) or `held`; while it is being sent it is in none. Heaps, so that fifteen thousand may
-- wait. It names its event and its endpoint; what is sent is made of them when it is sent.
local heap = require("stripe_emulator.state.heap")
local saved = require("stripe_emulator.state.saved")
local store = require("stripe_emulator.state.store")

local queue = {}

local ATTEMPTS_MAX = 16
local PAUSE_MAX_MS = 3600 * 1000

local function by_position(a, b)
    return a.position < b.position
end

local function by_time(a, b)
    if a.due_ms ~= b.due_ms then
        return a.due_ms < b.due_ms
    end
    return a.position < b.position
end

local function new_places(self)
    self.ready, self.later, self.held = heap.new(by_position), heap.new(by_time), {}
end

--- deps: store, json, saved, now_ms (of the virtual clock), retry_ms (the first pause).
function queue.new(deps)
    local self = {
        store = deps.store,
        json = deps.json,
        saved = deps.saved,
        now_ms = deps.now_ms,
        retry_ms = deps.retry_ms,
        deliveries = {}, -- by number
        last = 0,
        switches = { copies = 1, drop_left = 0, random = 1 },
    }
    new_places(self)
    return self
end

local function save(self, delivery)
    saved.put(self.saved, "deliveries", delivery.number, delivery)
end

--- To be called after a switch was changed: is_held, held_types, copies, copied_types, drop_left,
-- drop_types, is_before_response, random.
function queue.save_switches(self)
    saved.put(self.saved, "webhooks", "switches", self.switches)
end

--- What was saved, as it stood; what was on its way is sent once more.
function queue.restore(self, sections)
    for _, entry in ipairs(sections.deliveries) do
        local delivery = entry.value
        delivery.is_sending = nil
        self.deliveries[delivery.number] = delivery
        self.last = math.max(self.last, delivery.number)
        heap.push(delivery.due_ms > self.now_ms() and self.later or self.ready, delivery)
    end
    local switches = sections.webhooks[1]
    self.switches = switches and switches.value or self.switches
end

--- Events of connected accounts go to endpoints made with connect=true, the platform's own to the
-- others.
local function is_enabled(self, endpoint, event)
    if store.hidden(self.store, endpoint).is_connect ~= (event.account ~= nil)
        or endpoint.status ~= "enabled" then
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
    local switches = self.switches
    if switches.drop_left <= 0 or (switches.drop_types and not switches.drop_types[kind]) then
        return false
    end
    switches.drop_left = switches.drop_left - 1
    queue.save_switches(self)
    return true
end

local function copies_of(self, kind)
    local switches = self.switches
    local is_meant = not switches.copied_types or switches.copied_types[kind]
    return is_meant and switches.copies or 1
end

local function push(self, event, endpoint)
    self.last = self.last + 1
    local delivery = {
        number = self.last,
        position = self.last,
        event = event.id,
        type = event.type,
        endpoint = endpoint.id,
        pending = event.pending_webhooks,
        attempts = 0,
        due_ms = self.now_ms(),
        copies_left = copies_of(self, event.type),
    }
    self.deliveries[delivery.number] = delivery
    heap.push(self.ready, delivery)
    save(self, delivery)
end

local function wanting(self, event)
    local wanted = {}
    for _, endpoint in ipairs(store.all(self.store, "webhook_endpoint")) do
        if is_enabled(self, endpoint, event) then
            wanted[#wanted + 1] = endpoint
        end
    end
    return wanted
end

--- Queues the event for every endpoint that wants it.
function queue.add(self, event)
    local wanted = wanting(self, event)
    event.pending_webhooks = #wanted
    if #wanted == 0 or is_dropped(self, event.type) then
        return
    end
    for _, endpoint in ipairs(wanted) do
        push(self, event, endpoint)
    end
end

--- Queues an old event once more.
function queue.resend(self, event)
    for _, endpoint in ipairs(wanting(self, event)) do
        push(self, event, endpoint)
    end
end

local function remove(self, delivery)
    self.deliveries[delivery.number] = nil
    saved.remove(self.saved, "deliveries", delivery.number)
end

local function wake(self)
    local now, first = self.now_ms(), heap.first(self.later)
    while first and first.due_ms <= now do
        heap.push(self.ready, heap.pop(self.later))
        first = heap.first(self.later)
    end
end

--- The endpoint and the bytes of a delivery, the same at each attempt; nil when the endpoint was
-- deleted meanwhile, or the event is too old to be kept.
local function message_of(self, delivery)
    local event = store.peek(self.store, "event", delivery.event)
    local endpoint = store.peek(self.store, "webhook_endpoint", delivery.endpoint)
    if not event or not endpoint then
        return nil
    end
    local shown = {}
    for field, value in pairs(event) do
        shown[field] = value
    end
    shown.pending_webhooks = delivery.pending
    return {
        url = endpoint.url,
        secrets = store.hidden(self.store, endpoint).secrets,
        payload = self.json.encode(shown),
    }
end

--- The next one to be sent now, marked as on its way, and what is sent: url, secrets, payload. Nil
-- when nothing is due.
function queue.take(self)
    local switches = self.switches
    if switches.is_held then
        return nil
    end
    wake(self)
    for delivery in heap.pop, self.ready do
        if switches.held_types and switches.held_types[delivery.type] then
            self.held[#self.held + 1] = delivery
        else
            local message = message_of(self, delivery)
            if message then
                delivery.is_sending = true
                return delivery, message
            end
            remove(self, delivery)
        end
    end
end

local function reached(self, delivery)
    local event = store.get(self.store, "event", delivery.event)
    if event and not delivery.is_counted then
        delivery.is_counted = true
        event.pending_webhooks = math.max(0, event.pending_webhooks - 1)
    end
    delivery.copies_left = delivery.copies_left - 1
    if delivery.copies_left <= 0 then
        return remove(self, delivery)
    end
    heap.push(self.ready, delivery)
    save(self, delivery)
end

--- status: the endpoint's, or nil and why it could not be reached.
function queue.finish(self, delivery, status, reason)
    if self.deliveries[delivery.number] ~= delivery then
        return -- all was forgotten meanwhile
    end
    delivery.is_sending = nil
    delivery.attempts = delivery.attempts + 1
    delivery.last_status, delivery.last_error = status, reason
    if status and status >= 200 and status < 300 then
        return reached(self, delivery)
    elseif delivery.attempts >= ATTEMPTS_MAX then
        return remove(self, delivery)
    end
    local pause = math.min(PAUSE_MAX_MS, self.retry_ms * 2 ^ (delivery.attempts - 1))
    delivery.due_ms = self.now_ms() + pause
    heap.push(self.later, delivery)
    save(self, delivery)
end

--- Whether anything is on its way just now.
function queue.is_sending(self)
    for _, delivery in pairs(self.deliveries) do
        if delivery.is_sending then
            return true
        end
    end
    return false
end

--- All that wait or are on their way, in the order of the queue.
function queue.list(self)
    local all = {}
    for _, delivery in pairs(self.deliveries) do
        all[#all + 1] = delivery
    end
    table.sort(all, by_position)
    return all
end

--- Puts all but those on their way where they belong, after positions or times were changed.
local function sort_anew(self, all)
    new_places(self)
    local now = self.now_ms()
    for _, delivery in ipairs(all) do
        save(self, delivery)
        if not delivery.is_sending then
            heap.push(delivery.due_ms > now and self.later or self.ready, delivery)
        end
    end
end

--- A repeatable random order of what waits.
function queue.shuffle(self, seed)
    local all, positions = queue.list(self), {}
    for place, delivery in ipairs(all) do
        positions[place] = delivery.position
    end
    local random = seed or self.switches.random
    for place = #all, 2, -1 do
        random = (random * 1103515245 + 12345) % 2147483648
        local other = math.floor(random / 65536) % place + 1
        all[place], all[other] = all[other], all[place]
    end
    for place, delivery in ipairs(all) do
        delivery.position = positions[place]
    end
    self.switches.random = random
    queue.save_switches(self)
    sort_anew(self, all)
end

--- Holds everything, or events of some types only (a set).
function queue.hold(self, types)
    self.switches.is_held, self.switches.held_types = types == nil, types
    queue.save_switches(self)
end

--- Nothing is held any more, and everything that waits is due now.
function queue.release(self)
    self.switches.is_held, self.switches.held_types = false, nil
    queue.save_switches(self)
    local all = queue.list(self)
    for _, delivery in ipairs(all) do
        delivery.due_ms = 0
    end
    sort_anew(self, all)
end

return queue
