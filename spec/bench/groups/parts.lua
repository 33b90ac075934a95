--- Parts of the bench that are programs of their own: geo and search. Each prints lines of fields
-- with tabs between them: row, goal, note (README).
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")

local parts = {}

local function command(name)
    for _, runner in ipairs({ { "lua", "luajit" }, { "sh", "sh" } }) do
        local path = ("spec/bench/%s.%s"):format(name, runner[1])
        if machine.read(path) then
            return runner[2] .. " " .. path
        end
    end
    return nil
end

local function fields(line)
    local list = {}
    for field in (line .. "\t"):gmatch("([^\t]*)\t") do
        list[#list + 1] = field
    end
    return list
end

local take = {}

function take.row(name, f)
    plan.rows[#plan.rows + 1] = {
        group = name, is_part = true, what = f[2], size = f[3], p50_us = tonumber(f[4]),
        p95_us = tonumber(f[5]), p99_us = tonumber(f[6]), rate = tonumber(f[7]), name = f[2],
    }
end

function take.goal(name, f)
    plan.part_goals[#plan.part_goals + 1] = {
        group = name, show = f[2], text = f[3], measured = f[4], value = tonumber(f[5]),
        op = f[6], bound = tonumber(f[7]),
    }
end

function take.note(_, f)
    plan.notes[#plan.notes + 1] = f[2]
end

function parts.add(name)
    plan.step(name, "the part " .. name, function()
        local line = command(name)
        if not line then
            plan.notes[#plan.notes + 1] = ("spec/bench/%s is not there: not measured"):format(name)
            return
        end
        local home = place.HOME .. "/" .. name
        machine.sh(("mkdir -p %s && chmod 755 %s"):format(home, home))
        local out = home .. "/out"
        local code = os.execute(("SOUK_BENCH_MODE=%s SOUK_BENCH_PEERS=%s SOUK_BENCH_HOME=%s "
            .. "SOUK_BENCH_ADMIN=%s %s >%s"):format(plan.is_quick and "quick" or "full",
            plan.has_peers and "yes" or "no", home, machine.quote(place.url("postgres")), line,
            out))
        for text in (machine.read(out) or ""):gmatch("[^\n]+") do
            local f = fields(text)
            if take[f[1]] then
                take[f[1]](name, f)
            end
        end
        assert(code == 0, line .. " failed: its words are above")
    end)
end

return parts
