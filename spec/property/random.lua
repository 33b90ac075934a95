--- A generator of numbers of its own: the same seed gives the same history on every machine.
local random = {}
random.__index = random

local FACTOR, MODULUS = 48271, 2147483647

function random.new(seed)
    local self = setmetatable({ state = seed % (MODULUS - 1) + 1 }, random)
    for _ = 1, 8 do
        self:next()
    end
    return self
end

--- From 0 to below 1.
function random:next()
    self.state = self.state * FACTOR % MODULUS
    return self.state / MODULUS
end

--- A whole number from low to high.
function random:between(low, high)
    return low + math.floor(self:next() * (high - low + 1))
end

--- One of an array of {weight, …}.
function random:weighted(entries)
    local sum = 0
    for _, entry in ipairs(entries) do
        sum = sum + entry.weight
    end
    local left = self:next() * sum
    for _, entry in ipairs(entries) do
        left = left - entry.weight
        if left < 0 then
            return entry
        end
    end
    return entries[#entries]
end

return random
