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

--- options: {epoch = "catalogue", ttl_us = n, max = how many values}.
function kept.new(options)
    return setmetatable({
        name = options.epoch, ttl_us = options.ttl_us, max = options.max, epoch = -1, entries = {},
        count = 0,
    }, kept)
end

function kept:entry(key)
    local epoch = shared.read(self.name)
    if epoch ~= self.epoch or self.count > self.max then
        self.epoch, self.entries, self.count = epoch, {}, 0
    end
    if not self.entries[key] then
        self.entries[key], self.count = { at_us = 0, busy_until_us = 0 }, self.count + 1
    end
    return self.entries[key]
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

--- The value of key, or what make() gives: a value, or nil, err, which is not kept.
function kept:get(key, make)
    local entry = self:entry(key)
    wait_for(entry)
    local now_us = clock.monotonic_us()
    local is_fresh = now_us - entry.at_us < self.ttl_us or now_us < entry.busy_until_us
    if entry.value ~= nil and is_fresh then
        return entry.value
    end
    entry.busy_until_us = now_us + BUSY_MAX_US
    local value, problem = make()
    entry.busy_until_us = 0
    if value == nil then
        return nil, problem
    end
    entry.value, entry.at_us = value, now_us
    return value
end

return kept
