--- The virtual clock: real time plus what a test has advanced it by, and what is to happen at a
-- later time of it. What is to happen is data, a kind and its arguments, so that it can be saved
-- and is there again after a restart; what a kind does is said by the resources' `timers`
-- (wire/registry.lua).
local heap = require("stripe_emulator.state.heap")
local saved = require("stripe_emulator.state.saved")

local clock = {}

local function is_before(a, b)
    if a.at ~= b.at then
        return a.at < b.at
    end
    return a.number < b.number
end

--- now_ms: the real clock, in milliseconds. run(kind, args) does what was scheduled. log: where it
-- is saved.
function clock.new(now_ms, run, log)
    return { now_ms = now_ms, run = run, saved = log, shift_s = 0, timers = heap.new(is_before),
        last = 0 }
end

function clock.restore(self, sections)
    for _, entry in ipairs(sections.clock) do
        self.shift_s = entry.value
    end
    for _, entry in ipairs(sections.timers) do
        heap.push(self.timers, entry.value)
        self.last = math.max(self.last, entry.value.number)
    end
end

function clock.now(self)
    return math.floor(self.now_ms() / 1000) + self.shift_s
end

--- run(kind, args) is called once the clock stands at or past `at`. args: what JSON can say, so ids
-- and not objects.
function clock.at(self, at, kind, args)
    self.last = self.last + 1
    local timer = { at = at, number = self.last, kind = kind, args = args or {} }
    heap.push(self.timers, timer)
    saved.put(self.saved, "timers", timer.number, timer)
end

function clock.after(self, delay_s, kind, args)
    clock.at(self, clock.now(self) + delay_s, kind, args)
end

--- Runs what is due, earliest first.
function clock.run_due(self)
    local now = clock.now(self)
    local timer = heap.first(self.timers)
    while timer and timer.at <= now do
        heap.pop(self.timers)
        saved.remove(self.saved, "timers", timer.number)
        self.run(timer.kind, timer.args)
        timer = heap.first(self.timers)
    end
end

--- Forward only: Stripe's time does not go back, and neither do the keys and timers that depend
-- on it. What becomes due on the way runs at its own time, as it would without the jump.
function clock.advance(self, seconds)
    local timer = heap.first(self.timers)
    while timer and timer.at <= clock.now(self) + seconds do
        local step = math.max(0, timer.at - clock.now(self))
        self.shift_s, seconds = self.shift_s + step, seconds - step
        clock.run_due(self)
        timer = heap.first(self.timers)
    end
    self.shift_s = self.shift_s + seconds
    saved.put(self.saved, "clock", "shift_s", self.shift_s)
end

return clock
