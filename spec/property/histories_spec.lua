--- Random histories of a marketplace with faults and ends of processes: afterwards the books are
--- right. SOUK_HISTORIES says how many, SOUK_FIRST with which seed they begin, SOUK_SEED is one
--- again (README.md).
local buying = require("spec.property.buying")
local crash = require("spec.support.crash")
local disputing = require("spec.property.disputing")
local failing = require("spec.property.failing")
local history = require("spec.property.history")
local place = require("spec.property.place")
local quiet = require("spec.property.quiet")
local selling = require("spec.property.selling")
local shell = require("spec.support.shell")
local socket = require("socket")
local tell = require("spec.support.tell")

local STEPS = 100
local BUYERS = 9
local DEFAULT_COUNT = 5
--- A place is made anew after so many histories: what it remembers makes everything slower.
local HISTORIES_A_PLACE = 20

local SEED = tonumber(os.getenv("SOUK_SEED") or "")
local FIRST = tonumber(os.getenv("SOUK_FIRST") or "") or 1
local COUNT = SEED and 1 or tonumber(os.getenv("SOUK_HISTORIES") or "") or DEFAULT_COUNT

local function all_steps()
    local steps = {}
    for _, kind in ipairs({ buying, selling, disputing, failing }) do
        for _, step in ipairs(kind.steps) do
            steps[#steps + 1] = step
        end
    end
    return steps
end

--- New people for a history; some vendors can be paid, others not yet.
local function populate(h)
    local w = h.w
    for i = 1, 3 do
        local vendor = w:vendor()
        h.vendors[i], h.vendor_of[vendor.vendor_id] = vendor, vendor
        for _ = 1, 2 do
            h.things[#h.things + 1] = w:product(vendor,
                { price = h.numbers:between(17, 9000), stock = 500 })
        end
    end
    for i = 1, BUYERS do
        h.buyers[i] = w:buyer()
    end
    for i = 1, 2 do
        selling.onboard(h, (i - 1) / #h.vendors)
    end
end

local function run(where, seed)
    local h = history.new(where, seed)
    local plan = history.plan(seed, all_steps(), STEPS)
    populate(h)
    h:walk(plan)
    local problem = h.problems[1] or quiet.settle(where, function(line)
        h:note(line)
    end)
    if problem then
        error(("%s\n%s\n\n%s\n\n%s"):format(problem, history.print(plan),
            table.concat(h.trace, "\n"), where.w.server:log():sub(-3000)), 0)
    end
    return h
end

--- Told at once, since a long run ends hours later.
local function tell_failure(seed, problem)
    tell(("seed %d FAILED: %s"):format(seed, problem:match("[^\n]*")))
    local path = os.getenv("SOUK_PROGRESS")
    if path then
        shell.write(("%s.%d"):format(path, seed), problem)
    end
end

local function print_table(title, counts)
    local names = {}
    for name in pairs(counts) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local value = counts[name]
        tell(("%s %-20s %s"):format(title, name,
            type(value) == "table" and value[2] .. " of " .. value[1] or value))
    end
end

describe("after a random history of " .. STEPS .. " steps", function()
    local where, fired, steps = nil, {}, {}

    local function close()
        local ended = where
        where = nil
        if ended then
            for label, count in pairs(ended.fired) do
                fired[label] = (fired[label] or 0) + count
            end
            ended:stop()
        end
    end

    teardown(function()
        close()
        print_table("step", steps)
        print_table("crash", fired)
    end)

    for i = 1, COUNT do
        local seed = SEED or FIRST + i - 1
        it(("the books are right: seed %d (scenarios 23, 60)"):format(seed), function()
            if (i - 1) % HISTORIES_A_PLACE == 0 then
                close()
            end
            local began_s = socket.gettime()
            local is_right, h = xpcall(function()
                where = where or place.start()
                return run(where, seed)
            end, function(problem)
                return type(problem) == "string" and not problem:find("\n", 1, true)
                    and debug.traceback(problem) or problem
            end)
            if not is_right then
                local problem = ("seed %d: %s"):format(seed, tostring(h))
                tell_failure(seed, problem)
                pcall(close) -- what failed here must not fail the next as well
                error(problem, 0)
            end
            for name, counts in pairs(h.counts) do
                local sum = steps[name] or { 0, 0 }
                steps[name] = { sum[1] + counts[1], sum[2] + counts[2] }
            end
            tell(("seed %d: %d orders, %d kills, %.1f s"):format(seed, #h.orders, where.kills,
                socket.gettime() - began_s))
        end)
    end

    it("every crash point was reached, in a long run", function()
        if COUNT < 100 then
            return
        end
        close()
        for _, label in ipairs(crash.labels()) do
            assert.is_true((fired[label] or 0) > 0, label)
        end
    end)
end)
