--- One history: a plan of steps made from a seed, walked in small groups that run at once.
--
-- A plan says what happens and gives every step its numbers; which order or vendor a number means
-- is known only when the step runs. So a seed always gives the same plan, while what comes of a
-- step may differ with the moment.
local client = require("spec.support.client")
local random = require("spec.property.random")
local socket = require("socket")

local history = {}
history.__index = history

local GROUP_MAX = 6
local PATIENCE_S = 15

--- steps: array of {name, weight, alone?, run(h, a, b, c)}. `alone`: runs in a group of its own.
function history.plan(seed, steps, count)
    local numbers, plan, left = random.new(seed), {}, 0
    for i = 1, count do
        local step = numbers:weighted(steps)
        if left == 0 then
            left = numbers:between(1, GROUP_MAX)
            plan[#plan + 1] = {}
        end
        local group = plan[#plan]
        group[#group + 1] = {
            number = i, step = step, a = numbers:next(), b = numbers:next(), c = numbers:next(),
        }
        left = left - 1
    end
    return plan
end

function history.print(plan)
    local lines = {}
    for g, group in ipairs(plan) do
        for _, entry in ipairs(group) do
            lines[#lines + 1] = ("%3d (group %2d) %-20s %.4f %.4f %.4f"):format(
                entry.number, g, entry.step.name, entry.a, entry.b, entry.c)
        end
    end
    return table.concat(lines, "\n")
end

--- place: the marketplace it happens in (spec/property/place.lua).
function history.new(place, seed)
    return setmetatable({
        place = place, w = place.w, seed = seed, numbers = random.new(seed + 7),
        buyers = {}, vendors = {}, things = {}, orders = {}, counts = {}, problems = {},
        trace = {}, keys = 0,
        crashes = 0, began_s = socket.gettime(),
        vendor_of = {},
    }, history)
end

--- The element of a list that a number from 0 to 1 means; nil of an empty list.
function history.pick(list, number)
    return list[math.floor(number * #list) + 1]
end

--- A key that no other request of this run has.
function history:key()
    self.keys = self.keys + 1
    return ("history-%d-%d"):format(self.seed, self.keys)
end

--- Nobody can say what became of it: the server was gone, or its database.
local function is_open(answer)
    return answer.status == 0
        or answer.json and answer.json.code == "database_unavailable"
end

--- A request as a patient client sends it: with a key, and again with the same one while it does
-- not know what became of it. The last answer.
function history:ask(method, path, who, body)
    local headers = method ~= "GET" and { ["Idempotency-Key"] = self:key() } or nil
    local deadline_s = socket.gettime() + PATIENCE_S
    local answer
    repeat
        answer = self.w:request(method, path, who, body, headers)
        self:note(("%s %s: %d %s"):format(method, path, answer.status,
            answer.json and answer.json.code or answer.problem or ""))
        local is_known = not is_open(answer)
        if not is_known then
            self.place:supervise()
            socket.sleep(0.02)
        end
    until is_known or socket.gettime() > deadline_s
    if answer.status == 500 then
        self.problems[#self.problems + 1] = ("%s %s: 500 %s"):format(method, path, answer.body)
    end
    return answer
end

--- A line of what really happened, shown with a failure.
function history:note(line)
    self.trace[#self.trace + 1] = ("%6.2f %s"):format(socket.gettime() - self.began_s, line)
end

--- The JSON of an answer of class 2xx, or nil.
function history:get(path, who)
    local answer = self:ask("GET", path, who)
    return answer.status == 200 and answer.json or nil
end

local function walk_step(self, entry)
    self:note(("%d %s"):format(entry.number, entry.step.name))
    local ok, result = pcall(entry.step.run, self, entry.a, entry.b, entry.c)
    local name = entry.step.name
    if not ok then
        self.problems[#self.problems + 1] = ("step %d, %s: %s"):format(entry.number, name,
            tostring(result))
    end
    local counts = self.counts[name] or { 0, 0 }
    counts[1] = counts[1] + 1
    counts[2] = counts[2] + (ok and result and 1 or 0)
    self.counts[name] = counts
end

--- Walks the plan. What is wrong afterwards is in problems.
function history:walk(plan)
    for _, group in ipairs(plan) do
        local entries = {}
        for i, entry in ipairs(group) do
            entries[i] = function()
                walk_step(self, entry)
            end
        end
        client.parallel(entries)
        self.place:supervise()
    end
end

return history
