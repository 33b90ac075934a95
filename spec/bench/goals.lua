--- The goals of performance.md and what issue D must show, each with what was measured against it.
-- A goal that is not met is printed as one; a goal whose figures are not there says so.
local plan = require("spec.bench.plan")

local goals = {}

local budgets = dofile("spec/gates/budgets.lua")

local NGINX_THERE_US = 9.9
local DETAIL, LIST = "GET /api/products/{id}", "GET /api/products?limit=20"
local ADD = "POST /api/cart/items"
local CHECKOUT, FIXED = "POST /api/checkout", "a Lua route without database"
local PEAK = 64

local function row(group, what, name, clients, size)
    return plan.find(group, what, name, size or "10k", clients or PEAK)
end

--- a.field / b.field, nil when one is missing.
local function ratio(a, b, field)
    local x, y = a and a[field], b and b[field]
    return x and y and y > 0 and x / y or nil
end

local function field(found, name)
    return found and found[name]
end

local function total_us(found)
    return found and found.server_us and found.server_us + found.postgres_us
end

--- Requests a CPU second of PostgreSQL.
local function by_postgres(found)
    return found and found.postgres_us > 0 and 1e6 / found.postgres_us or nil
end

local function quotient(x, y)
    return x and y and x / y
end

--- A bound in us of performance.md as a ratio of one run: over what nginx + lua takes for a fixed
-- route (the part http), there and here.
local function cpu_goal(group, what, bound_us, found)
    local text = "%s: server CPU over nginx + lua's for a fixed route (%d us over %.1f)"
    return { group, text:format(what, bound_us, NGINX_THERE_US), "<=", bound_us / NGINX_THERE_US,
        "x", function() return ratio(found(), row("http", FIXED, "nginx + lua"), "server_us") end,
        function()
            local us = field(found(), "server_us")
            return us and (" (%.0f us)"):format(us) or ""
        end }
end

--- {group, text, op, bound, unit, measure(), beside()}: what is told beside the figure.
local LIST_OF_GOALS = {
    { "http", "Lua route without database: server CPU of nginx + lua over souk's", ">=", 1, "x",
        function() return ratio(row("http", FIXED, "nginx + lua"), row("http", FIXED, "souk"),
            "server_us") end },
    cpu_goal("detail", "detail, nothing kept", 25,
        function() return row("detail", DETAIL, "souk") end),
    { "detail", "detail: server CPU of node + pg over souk's", ">=", 4, "x",
        function() return ratio(row("detail", DETAIL, "node + pg"), row("detail", DETAIL, "souk"),
            "server_us") end },
    { "detail", "detail: server CPU of NestJS over souk's", ">=", 20, "x",
        function() return ratio(row("detail", DETAIL, "NestJS"), row("detail", DETAIL, "souk"),
            "server_us") end },
    { "detail", "detail: requests a CPU second of PostgreSQL over pgbench's, pipelined", ">=", 0.7,
        "x", function()
            return quotient(by_postgres(row("detail", DETAIL, "souk")),
                by_postgres(row("detail", DETAIL, "pgbench, pipelined")))
        end },
    cpu_goal("list", "list of 20, nothing kept", 45,
        function() return row("list", LIST, "souk") end),
    { "list", "list of 20: server CPU of node + pg over souk's", ">=", 6, "x",
        function() return ratio(row("list", LIST, "node + pg"), row("list", LIST, "souk"),
            "server_us") end },
    { "list", "list of 20: server CPU of NestJS over souk's", ">=", 35, "x",
        function() return ratio(row("list", LIST, "NestJS"), row("list", LIST, "souk"),
            "server_us") end },
    cpu_goal("list", "list of 20, kept", 20,
        function() return row("list", LIST, "souk, cached") end),
    { "cart", "cart add: CPU of NestJS with its database's over souk's", ">=", 10, "x", function()
            return quotient(total_us(row("cart", ADD, "NestJS", 16)),
                total_us(row("cart", ADD, "souk", 16)))
        end },
    { "cart", "cart add: round trips to the database after the token (spec/gates)", "<=", 1, "",
        function() return budgets["round trips: POST /api/cart/items"] end },
    cpu_goal("checkout", "checkout, 8 clients", 150,
        function() return row("checkout", CHECKOUT, "souk", 8) end),
    { "checkout", "checkout, 8 clients: rate over pgbench's, pipelined, one by one", ">=", 0.8, "x",
        function() return ratio(row("checkout", CHECKOUT, "souk", 8),
            row("checkout", CHECKOUT, "pgbench, pipelined", 8), "rate") end },
    { "checkout", "checkout, 64 clients: rate over the same ceiling at 8 clients", ">=", 2, "x",
        function() return ratio(row("checkout", CHECKOUT, "souk", 64),
            row("checkout", CHECKOUT, "pgbench, pipelined", 8), "rate") end },
    { "nearby", "vendors nearby: rate over a fixed body's of the same size", ">=", 0.75, "x",
        function() return ratio(row("nearby", "GET /api/vendors/nearby", "souk", 64, "10k vendors"),
            row("nearby", "GET /api/vendors/nearby", "souk, a fixed body", 64, "10k vendors"),
            "rate") end },
    { "memory", "memory of an idle worker, demo marketplace", "<=", 30, "MB",
        function() return plan.facts.idle_mb end },
    { "memory", "memory after the last tenth of the requests over that after the first", "<=", 1.02,
        "x", function() return plan.facts.memory_growth end },
    { "start", "from start to the first answer, demo marketplace", "<=", 300, "ms",
        function() return plan.facts.start_ms end },
}

local function half(group, what, bound_ms)
    local name = what .. " at half of the peak"
    LIST_OF_GOALS[#LIST_OF_GOALS + 1] = { group, name .. ": p99", "<=", bound_ms, "ms",
        function() return field(row(group, name, "souk"), "p99_ms") end,
        function()
            local idle_ms = field(row(group, name, "souk"), "idle_ms")
            return idle_ms and (" (an idle thread woke %.1f ms late)"):format(idle_ms) or ""
        end }
    LIST_OF_GOALS[#LIST_OF_GOALS + 1] = { group, name .. ": p99 over p50", "<=", 10, "x",
        function()
            local found = row(group, name, "souk")
            return found and quotient(found.p99_ms, found.p50_ms)
        end }
end

half("detail", DETAIL, 5)
half("list", LIST, 5)
half("checkout", CHECKOUT, 25)

local function growth_goal(text, what, figure, from, to, bound)
    LIST_OF_GOALS[#LIST_OF_GOALS + 1] = { "growth", text, "<=", bound, "x", function()
        return ratio(row("growth", what, "souk", 16, to), row("growth", what, "souk", 16, from),
            figure)
    end }
end

for _, what in ipairs({ "list", "detail", "add", "checkout" }) do
    growth_goal(what .. ": p50 at 1M products over 10k", what, "p50_ms", "10k", "1M", 1.5)
end
growth_goal("list: p95 at 1M products over 10k", "list", "p95_ms", "10k", "1M", 2)
growth_goal("list: p95 at 10 000 vendors over 10", "list", "p95_ms", "10 vendors", "10000 vendors",
    1.1)

require("spec.bench.goals_hot")(LIST_OF_GOALS)

local function text_of(value, unit)
    local format = unit == "x" and (value < 10 and "%.2f" or "%.0f") or "%.0f"
    return format:format(value) .. (unit == "x" and "x" or unit ~= "" and " " .. unit or "")
end

local function verdict(value, op, bound)
    if not value then
        return "not measured"
    end
    local is_met
    if op == ">=" then
        is_met = value >= bound
    else
        is_met = value <= bound
    end
    return is_met and "met" or "**not met**"
end

--- The goals of these groups: {text, wanted, measured, verdict}. part_goals: those of geo, search.
function goals.of(groups, part_goals)
    local is_wanted, list = {}, {}
    for _, name in ipairs(groups) do
        is_wanted[name] = true
    end
    for _, goal in ipairs(LIST_OF_GOALS) do
        if is_wanted[goal[1]] then
            local value, unit = goal[6](), goal[5]
            list[#list + 1] = {
                text = goal[2], wanted = ("%s %.3g%s"):format(goal[3], goal[4],
                    unit == "x" and "x" or " " .. unit),
                measured = (value and text_of(value, unit) or "–") .. (goal[7] and goal[7]() or ""),
                verdict = verdict(value, goal[3], goal[4]),
            }
        end
    end
    for _, goal in ipairs(part_goals) do
        list[#list + 1] = {
            text = goal.text, wanted = ("%s %s"):format(goal.op, goal.bound),
            measured = goal.measured, verdict = verdict(goal.value, goal.op, goal.bound),
        }
    end
    return list
end

return goals
