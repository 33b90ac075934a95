--- The figures as tables: on the terminal, kept in build/bench, and into README.md.
local cjson = require("cjson")
local goals = require("spec.bench.goals")
local machine = require("spec.bench.machine")
local plan = require("spec.bench.plan")

local report = {}

local KEPT = "build/bench/figures.json"

local function number(value, format)
    return value and (format or "%.0f"):format(value) or "–"
end

local function row_line(row)
    return ("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |"):format(row.what,
        row.size or "", row.clients or "", row.name, number(row.rate), number(row.p50_ms, "%.2f"),
        number(row.p95_ms, "%.2f"), number(row.p99_ms, "%.2f"), number(row.server_us),
        number(row.postgres_us))
end

local HEAD = {
    "| what | size | clients | who | requests/s | p50 ms | p95 ms | p99 ms | server CPU us "
        .. "| PostgreSQL CPU us |",
    "|---|---|---|---|---|---|---|---|---|---|",
}

local PART_HEAD = {
    "| what | size | p50 us | p95 us | p99 us | a second |", "|---|---|---|---|---|---|",
}

local function part_line(row)
    return ("| %s | %s | %s | %s | %s | %s |"):format(row.what, row.size or "",
        number(row.p50_us, "%.2f"), number(row.p95_us, "%.2f"), number(row.p99_us, "%.2f"),
        number(row.rate))
end

--- The tables of measurements, as Markdown.
function report.tables(rows)
    local lines, tail = {}, {}
    for _, row in ipairs(rows) do
        local is_part = row.is_part
        local into = is_part and tail or lines
        if #into == 0 then
            for _, line in ipairs(is_part and PART_HEAD or HEAD) do
                into[#into + 1] = line
            end
        end
        into[#into + 1] = is_part and part_line(row) or row_line(row)
    end
    if #tail > 0 then
        lines[#lines + 1] = ""
    end
    for _, line in ipairs(tail) do
        lines[#lines + 1] = line
    end
    return table.concat(lines, "\n")
end

--- The goals, as Markdown: every one, met or not or not measured.
function report.goals(list)
    local lines = { "| goal | wanted | measured | |", "|---|---|---|---|" }
    for _, goal in ipairs(list) do
        lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(goal.text, goal.wanted,
            goal.measured, goal.verdict)
    end
    return table.concat(lines, "\n")
end

local function kept()
    local text = machine.read(KEPT)
    return text and cjson.decode(text) or { groups = {} }
end

local function of_group(list, name)
    local found = {}
    for _, entry in ipairs(list) do
        if entry.group == name then
            found[#found + 1] = entry
        end
    end
    return found
end

--- Puts what this run measured of a part over what earlier ones kept; at the part's end, so that a
-- run that is stopped loses no other. A quick run does not take the place of a full one.
function report.keep(name)
    local all = kept()
    if plan.is_quick and all.groups[name] and not all.groups[name].is_quick then
        return
    end
    all.groups[name] = {
        rows = of_group(plan.rows, name), goals = of_group(plan.part_goals, name),
        date = os.date("!%Y-%m-%d %H:%M"), is_quick = plan.is_quick or false,
        load_before = os.getenv("SOUK_BENCH_LOAD_BEFORE"),
    }
    all.facts = all.facts or {}
    for fact, value in pairs(plan.facts) do
        all.facts[fact] = value
    end
    machine.sh("mkdir -p build/bench")
    machine.write(KEPT, cjson.encode(all))
end

--- Prints this run; and writes the README from all that is kept when asked to.
function report.finish(groups, is_written)
    local list = goals.of(groups, plan.part_goals)
    io.write(report.tables(plan.rows), "\n\n", report.goals(list), "\n")
    for _, note in ipairs(plan.notes) do
        io.write("\n", note, "\n")
    end
    io.write(("\n%d min %d s.\n"):format(math.floor(plan.elapsed_s() / 60), plan.elapsed_s() % 60))
    if is_written then
        require("spec.bench.readme").write(kept())
    end
end

return report
