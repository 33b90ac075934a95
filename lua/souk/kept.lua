--- Values that a worker keeps for a while: until a shared counter moves, and no longer than ttl.
-- One request makes a value; those that come meanwhile take the one of before, or wait for it, so
-- that a slow statement is not asked many times at once.
local clock = require("core.clock")
local shared = require("core.shared")
local sleep = require("core.sleep")

local kept = {}
kept.__index = kept

--- Whoever makes a value for longer was cut off by its client or its deadline.
local BUSY_MAX_US = 5e6
local WAIT_MS = 2

--- options: {ttl_us = n, max = how many values, and what ends them: epoch = "catalogue", or kind =
-- of things that shared.changed tells of, one of which each value is about}.
function kept.new(options)
    return setmetatable({
        name = options.epoch, kind = options.kind, ttl_us = options.ttl_us, max = options.max,
        epoch = -1, entries = {}, count = 0,
    }, kept)
end

function kept:entry(key)
    local epoch = self.name and shared.read(self.name) or 0
    if epoch ~= self.epoch or self.count > self.max then
        self.epoch, self.entries, self.count = epoch, {}, 0
    end
    if not self.entries[key] then
        self.entries[key], self.count = { at_us = 0, busy_until_us = 0 }, self.count + 1
    end
    return self.entries[key]
end

--- The same, but for a value that is no longer true of id: whoever makes that gives it to those who
--- wait already.
function kept:true_entry(key, id)
    local entry = self:entry(key)
    if entry.since and not shared.holds(entry.since, self.kind, id) then
        entry = { at_us = 0, busy_until_us = 0 }
        self.entries[key] = entry
    end
    return entry
end

--- Waits for whoever makes the first value.
local function wait_for(entry)
    while entry.value == nil and clock.monotonic_us() < entry.busy_until_us do
        sleep(WAIT_MS)
    end
end

--- The value of key while it is fresh, else nil: never waits.
function kept:peek(key)
    local entry = self:entry(key)
    return entry.value ~= nil and clock.monotonic_us() - entry.at_us < self.ttl_us and entry.value
        or nil
end

--- The value of key, or what make() gives: a value, or nil, err, which is not kept. id: of the
--- thing it is about, where it has a kind.
function kept:get(key, make, id)
    local entry = self.kind and self:true_entry(key, id) or self:entry(key)
    wait_for(entry)
    local now_us = clock.monotonic_us()
    local is_fresh = now_us - entry.at_us < self.ttl_us or now_us < entry.busy_until_us
    if entry.value ~= nil and is_fresh then
        return entry.value
    end
    entry.busy_until_us = now_us + BUSY_MAX_US
    entry.since = self.kind and shared.count()
    local value, problem = make()
    entry.busy_until_us = 0
    if value == nil then
        return nil, problem
    end
    entry.value, entry.at_us = value, now_us
    return value
end

return kept
