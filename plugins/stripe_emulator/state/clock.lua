--- The virtual clock: real time plus what a test has advanced it by, and what is to happen at a
-- later time of it.
local clock = {}

--- now_ms: the real clock, in milliseconds.
function clock.new(now_ms)
    return { now_ms = now_ms, shift_s = 0, timers = {} }
end

function clock.now(self)
    return math.floor(self.now_ms() / 1000) + self.shift_s
end

--- run() is called by clock.run_due once the clock stands at or past now + delay_s.
function clock.after(self, delay_s, run)
    local timer = { at = clock.now(self) + delay_s, run = run }
    local position = #self.timers + 1
    while position > 1 and self.timers[position - 1].at > timer.at do
        position = position - 1
    end
    table.insert(self.timers, position, timer)
end

--- Runs what is due, earliest first.
function clock.run_due(self)
    local now = clock.now(self)
    while self.timers[1] and self.timers[1].at <= now do
        table.remove(self.timers, 1).run()
    end
end

--- Forward only: Stripe's time does not go back, and neither do the keys and timers that depend
-- on it.
function clock.advance(self, seconds)
    self.shift_s = self.shift_s + seconds
    clock.run_due(self)
end

return clock
