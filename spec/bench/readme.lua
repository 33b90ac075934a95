--- README.md between its markers and the plots beside it, from the figures that are kept: each
-- part as its latest run measured it.
local machine = require("spec.bench.machine")
local plan = require("spec.bench.plan")
local plot = require("spec.bench.plot")

local readme = {}

local README, PLOTS = "spec/bench/README.md", "spec/bench/plots/"
local ORDER = { "start", "memory", "http", "detail", "list", "cart", "checkout", "hot", "nearby",
    "growth", "geo", "search" }

local CLIENTS = { 1, 16, 64, 512 }
local PEERS = { "souk, cached", "souk", "nginx + lua", "node + pg" }
local ROUTES = {
    { "detail", "GET /api/products/{id}" }, { "list", "GET /api/products?limit=20" },
    { "http", "a Lua route without database" },
}

--- The rows and facts of what was kept, where goals.lua looks for them.
local function recall(all)
    plan.rows, plan.facts = {}, all.facts or {}
    local part_goals, groups = {}, {}
    for _, name in ipairs(ORDER) do
        local group = all.groups[name]
        if group then
            groups[#groups + 1] = name
            for _, row in ipairs(group.rows) do
                plan.rows[#plan.rows + 1] = row
            end
            for _, goal in ipairs(group.goals) do
                part_goals[#part_goals + 1] = goal
            end
        end
    end
    return groups, part_goals
end

--- Writes a picture, and gives the line that shows it; nothing without figures.
local function picture(name, text, alt)
    if not text then
        return nil
    end
    machine.write(PLOTS .. name .. ".svg", text)
    return ("![%s](plots/%s.svg)"):format(alt, name)
end

local function latency(group, what)
    local series = {}
    for colour, who in ipairs(PEERS) do
        local points = {}
        for _, clients in ipairs(CLIENTS) do
            local row = plan.find(group, what, who, "10k", clients)
            if row and row.p50_ms > 0 then
                points[#points + 1] = { clients, row.p50_ms }
            end
        end
        if #points > 1 then
            series[#series + 1] = { name = who, colour = colour, points = points }
        end
    end
    return #series > 0 and plot.lines(what .. ": median latency by clients", series, CLIENTS,
        "clients", "ms") or nil
end

local function cpu()
    local groups = {}
    for _, route in ipairs(ROUTES) do
        local bars = {}
        for colour, who in ipairs(PEERS) do
            local row = plan.find(route[1], route[2], who, "10k", 64)
            if row then
                bars[#bars + 1] = { who, row.server_us or 0, row.postgres_us or 0, colour }
            end
        end
        if #bars > 0 then
            groups[#groups + 1] = { name = route[2], bars = bars }
        end
    end
    return #groups > 0 and plot.bars("CPU a request, 64 clients", groups, "us",
        "the server's, and PostgreSQL's beside it") or nil
end

local function growth()
    local series, ticks = {}, { "10k", "100k", "1M" }
    for _, what in ipairs({ "list", "detail", "add", "checkout" }) do
        local points = {}
        for _, size in ipairs(ticks) do
            local row = plan.find("growth", what, "souk", size, 16)
            if row then
                points[#points + 1] = { size, row.p50_ms }
            end
        end
        if #points > 1 then
            series[#series + 1] = { name = what, points = points }
        end
    end
    return #series > 0 and plot.lines("Median latency by products, 16 clients, nothing kept",
        series, ticks, "products", "ms") or nil
end

local function buying()
    local series = {}
    for _, who in ipairs({ "souk", "pgbench, pipelined" }) do
        local points = {}
        for _, clients in ipairs({ 1, 8, 64, 512 }) do
            local row = plan.find("checkout", "POST /api/checkout", who, "10k", clients)
            if row then
                points[#points + 1] = { clients, row.rate }
            end
        end
        if #points > 1 then
            series[#series + 1] = { name = who, points = points }
        end
    end
    return #series > 0 and plot.lines("POST /api/checkout: orders a second by clients", series,
        { 1, 8, 64, 512 }, "clients", "a second") or nil
end

local function head(all, groups)
    local about = machine.about()
    local dates = {}
    for _, name in ipairs(groups) do
        local group = all.groups[name]
        dates[#dates + 1] = ("%s %s%s (load before: %s)"):format(name, group.date,
            group.is_quick and " quick" or "", group.load_before)
    end
    return ("%s, %d cores, %d GB, %s, PostgreSQL %s. Measured (UTC): %s.\n"):format(about.cpu,
        about.cores, about.memory_gb, about.kernel, about.postgres, table.concat(dates, "; "))
end

--- Writes all that is kept.
function readme.write(all)
    local report = require("spec.bench.report")
    local goals = require("spec.bench.goals")
    local groups, part_goals = recall(all)
    machine.sh("mkdir -p " .. PLOTS)
    local parts = { head(all, groups), report.goals(goals.of(groups, part_goals)), "" }
    local pictures = {
        picture("cpu", cpu(), "CPU a request"),
        picture("detail", latency("detail", ROUTES[1][2]), "latency of a detail by clients"),
        picture("list", latency("list", ROUTES[2][2]), "latency of a list by clients"),
        picture("checkout", buying(), "orders a second by clients"),
        picture("growth", growth(), "latency by products"),
    }
    for i = 1, 5 do
        if pictures[i] then
            parts[#parts + 1] = pictures[i] .. "\n"
        end
    end
    parts[#parts + 1] = report.tables(plan.rows)
    local text = machine.read(README)
    local marker = "<!-- table -->"
    local from = select(2, text:find(marker, 1, true))
    local till = text:find("<!-- /table -->", 1, true)
    machine.write(README, text:sub(1, from) .. "\n\n" .. table.concat(parts, "\n") .. "\n\n"
        .. (till and text:sub(till) or "<!-- /table -->\n"))
end

return readme
