--- `./souk bench`: which groups there are, in which order they run, and what is printed at the end.
local buying = require("spec.bench.groups.buying")
local growth = require("spec.bench.groups.growth")
local hot = require("spec.bench.groups.hot")
local parts = require("spec.bench.groups.parts")
local peers = require("spec.bench.peers")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")
local reads = require("spec.bench.groups.reads")
local report = require("spec.bench.report")
local resources = require("spec.bench.groups.resources")

local GROUPS = {
    { "start", resources.start, "from start to the first answer" },
    { "memory", resources.memory, "a worker idle, loaded, and after --count requests" },
    { "http", reads.http, "a Lua route without database, beside nginx + lua and node" },
    { "detail", reads.detail, "GET /api/products/{id}, beside nginx + lua, node + pg, pgbench" },
    { "list", reads.list, "GET /api/products?limit=20, beside the same" },
    { "cart", buying.cart, "POST /api/cart/items" },
    { "checkout", buying.checkout, "POST /api/checkout, beside pgbench with the same SQL" },
    { "hot", hot.hot, "one product wanted by all: naive, one statement, gathered, sold out" },
    { "nearby", reads.nearby, "GET /api/vendors/nearby beside a fixed body" },
    { "growth", growth.growth, "products 10k to 1M, vendors 10 to 10 000" },
    { "geo", function() parts.add("geo") end, "the index beside PostGIS, cube, Redis" },
    { "search", function() parts.add("search") end, "lists and words at 1M products" },
}

local USAGE = [[
./souk bench [NAME]... [--quick] [--peers] [--write] [--count N]
  --quick   two minutes: one round, small sizes     --peers  get the peers that are missing first
  --write   put the figures into spec/bench/README.md (a full run of all does)
  --count   requests of the part memory (300 000)
]]

local function list_groups()
    io.write(USAGE)
    for _, group in ipairs(GROUPS) do
        io.write(("  %-9s %s\n"):format(group[1], group[3]))
    end
end

local function read_arguments()
    local wanted, options, i = {}, {}, 1
    while arg[i] do
        local name = arg[i]:match("^%-%-(.+)")
        if name == "count" then
            i = i + 1
            plan.count = assert(tonumber(arg[i]), "--count wants a number")
        elseif name then
            options[name] = true
        else
            wanted[arg[i]] = true
        end
        i = i + 1
    end
    if next(wanted) == nil then
        wanted.all = true
    end
    return wanted, options
end

local function check(wanted)
    for name in pairs(wanted) do
        local is_known = name == "all"
        for _, group in ipairs(GROUPS) do
            is_known = is_known or group[1] == name
        end
        if not is_known then
            list_groups()
            io.stderr:write("bench: there is no part " .. name .. "\n")
            os.exit(2)
        end
    end
end

local function main()
    local wanted, options = read_arguments()
    check(wanted)
    if options.list or options.help then
        list_groups()
        return
    end
    plan.is_quick, plan.has_peers = options.quick, options.peers
    place.is_quick = options.quick
    plan.part_goals = {}
    for _, name in ipairs(peers.missing()) do
        plan.notes[#plan.notes + 1] = name .. " is not there: --peers gets it"
    end
    local groups = {}
    for _, group in ipairs(GROUPS) do
        if wanted.all or wanted[group[1]] then
            groups[#groups + 1] = group[1]
            group[2]()
        end
    end
    plan.run(report.keep)
    report.finish(groups, options.write or wanted.all and not options.quick)
end

main()
