--- What is to be measured, in which order, and what came of it. Those who are compared take turns,
-- round by round, so that the machine's mood is shared; a figure is the median of its rounds.
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")
local socket = require("socket")

local plan = { is_quick = false, has_peers = false, sets = {}, rows = {}, facts = {}, notes = {} }

local began_s = socket.gettime()
local runs_done, runs_total = 0, 0

--- Whole rounds in a full run; seconds is what a full run gives one measurement.
function plan.rounds()
    return plan.is_quick and 1 or 3
end

function plan.seconds(seconds)
    return plan.is_quick and math.min(1, seconds / 2) or seconds
end

--- One way of being asked: name; run(seconds) -> figures; pids() of who serves (nil: nobody but
-- the database); prepare() before each round.
-- set: {group, what, size, clients, seconds, contestants or contestants() just before it runs}.
function plan.add(set)
    plan.sets[#plan.sets + 1] = set
    runs_total = runs_total + (set.count or #set.contestants) * plan.rounds()
end

--- A step that measures in a way of its own: run(). It counts as so many runs.
function plan.step(group, what, run, count)
    plan.sets[#plan.sets + 1] = { group = group, what = what, run = run, count = count or 1 }
    runs_total = runs_total + (count or 1)
end

function plan.say(text)
    local elapsed_s = math.floor(socket.gettime() - began_s)
    io.stderr:write(("[%d/%d %d:%02d] %s\n"):format(math.min(runs_done + 1, runs_total), runs_total,
        math.floor(elapsed_s / 60), elapsed_s % 60, text))
end

function plan.elapsed_s()
    return socket.gettime() - began_s
end

--- Runs and adds CPU, in us a request, of the server and of PostgreSQL.
function plan.measured(pids, run)
    local server_before = pids and machine.cpu_ns(pids()) or 0
    local postgres_before = machine.cpu_ns(place.postgres_pids())
    local figures = run()
    figures.server_us = pids and (machine.cpu_ns(pids()) - server_before) / 1e3 / figures.requests
    figures.postgres_us = (machine.cpu_ns(place.postgres_pids()) - postgres_before)
        / 1e3 / figures.requests
    figures.rate = figures.requests / figures.seconds
    if pids then
        local most_kb = 0
        for _, pid in ipairs(pids()) do
            most_kb = math.max(most_kb, machine.rss_kb(pid))
        end
        figures.rss_mb = most_kb / 1024
    end
    return figures
end

function plan.median(values)
    table.sort(values)
    return values[math.ceil(#values / 2)]
end

local FIGURES = { "rate", "p50_ms", "p95_ms", "p99_ms", "server_us", "postgres_us", "rss_mb",
    "idle_ms" }

--- What several rounds give: of each figure its median.
function plan.medians(rounds)
    local figures = {}
    for _, name in ipairs(FIGURES) do
        local values = {}
        for _, round in ipairs(rounds) do
            values[#values + 1] = round[name]
        end
        figures[name] = plan.median(values)
    end
    return figures
end

--- Keeps a row of the table: who, and its figures.
function plan.keep(set, name, figures)
    local row = { group = set.group, what = set.what, size = set.size, clients = set.clients,
        name = name }
    for key, value in pairs(figures) do
        row[key] = value
    end
    plan.rows[#plan.rows + 1] = row
    plan.say(("%s: %.0f/s, p50 %.2f p95 %.2f p99 %.2f ms, CPU %s + %.0f us%s"):format(name,
        row.rate, row.p50_ms or 0, row.p95_ms or 0, row.p99_ms or 0,
        row.server_us and ("%.0f"):format(row.server_us) or "-", row.postgres_us or 0,
        row.idle_ms and (", an idle thread woke up to %.2f ms late"):format(row.idle_ms) or ""))
    return row
end

--- What run() returns; nil when it fails, which is told.
local function tried(what, run)
    local ok, result = xpcall(run, debug.traceback)
    if ok then
        return result
    end
    plan.say("NOT MEASURED: " .. what .. ": " .. result)
    plan.notes[#plan.notes + 1] = ("%s: not measured: %s"):format(what, result:match("^[^\n]*"))
    return nil
end

local function run_set(set)
    local contestants = type(set.contestants) == "function" and set.contestants()
        or set.contestants
    local rounds = {}
    for round = 1, plan.rounds() do
        for i, contestant in ipairs(contestants) do
            plan.say(("%s, %s, %s clients: %s, round %d of %d"):format(set.what, set.size or "",
                set.clients, contestant.name, round, plan.rounds()))
            rounds[i] = rounds[i] or {}
            table.insert(rounds[i], tried(("%s, %s"):format(set.what, contestant.name), function()
                if contestant.prepare then
                    contestant.prepare()
                end
                return plan.measured(contestant.pids, function()
                    return contestant.run(plan.seconds(set.seconds))
                end)
            end))
            runs_done = runs_done + 1
        end
    end
    for i, contestant in ipairs(contestants) do
        if #rounds[i] > 0 then
            plan.keep(set, contestant.name, plan.medians(rounds[i]))
        end
    end
    runs_done = runs_done + ((set.count or #contestants) - #contestants) * plan.rounds()
end

--- Runs all; a set that cannot be measured is told, and the others go on. A part begins with
-- nobody idle beside it; on_end(its name) is called when all of it ran.
function plan.run(on_end)
    for i, set in ipairs(plan.sets) do
        if set.group ~= (plan.sets[i - 1] or {}).group then
            place.stop_servers()
        end
        tried(set.what, function()
            if set.run then
                plan.say(set.what)
                set.run(set)
                runs_done = runs_done + set.count
            else
                run_set(set)
            end
        end)
        if set.group ~= (plan.sets[i + 1] or {}).group then
            on_end(set.group)
        end
    end
end

--- The figures kept under these fields, or nil.
function plan.find(group, what, name, size, clients)
    for i = #plan.rows, 1, -1 do
        local row = plan.rows[i]
        if row.group == group and row.what == what and (not name or row.name == name)
            and (not size or row.size == size) and (not clients or row.clients == clients) then
            return row
        end
    end
    return nil
end

return plan
