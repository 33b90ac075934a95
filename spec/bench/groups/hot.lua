--- One product that everybody wants: naive, one by one, gathered, sold out, with a worker killed.
local buying = require("spec.bench.groups.buying")
local ceilings = require("spec.bench.ceilings")
local cjson = require("cjson")
local loads = require("spec.bench.loads")
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")
local reads = require("spec.bench.groups.reads")

local hot = {}

local CLIENTS = 64
local ALONE = { ["stock.orders_max"] = 1 }

--- The product of the day and the one that is gone.
local function products(database)
    local shelf = buying.shelf(database)
    return shelf[1], shelf[2]
end

--- Whether orders can be told not to wait for company.
local function can_be_alone()
    return (machine.read("core/base/conf.def") or ""):find("stock.orders_max", 1, true) ~= nil
end

local function whole_checkouts()
    local database = reads.database()
    local wanted = { products = { (products(database)) }, lines = 1 }
    local list = {
        buying.buyer(database, place.server(database), CLIENTS, wanted),
        buying.ceiling(database, CLIENTS, { products = wanted.products, lines = 1 }),
        buying.ceiling(database, 8, { products = wanted.products, lines = 1,
            name = "pgbench, pipelined, 8 connections" }),
        buying.ceiling(database, CLIENTS, { products = wanted.products, lines = 1,
            name = "pgbench, naive FOR UPDATE", run = ceilings.naive_checkouts }),
    }
    return list
end

--- They take turns in who is first, too: whoever follows a storm pays for what it left behind, in
-- pages to write and rows to clear away.
local function in_turns(set, contestants)
    local rounds = {}
    for round = 1, set.rounds do
        for place_in_round = 1, #contestants do
            local i = round % 2 == 1 and place_in_round or #contestants + 1 - place_in_round
            local contestant = contestants[i]
            plan.say(("%s: %s, round %d of %d"):format(set.what, contestant.name, round,
                set.rounds))
            contestant.prepare()
            rounds[i] = rounds[i] or {}
            table.insert(rounds[i], plan.measured(contestant.pids, contestant.run))
        end
    end
    for i, contestant in ipairs(contestants) do
        plan.keep(set, contestant.name, plan.medians(rounds[i]))
    end
end

local function lone_client()
    local database = reads.database()
    local wanted = { products = { (products(database)) }, lines = 1 }
    local list = { buying.buyer(database, place.server(database), 1, wanted) }
    if can_be_alone() then
        list[2] = buying.buyer(database, place.server(database, ALONE), 1,
            { products = wanted.products, lines = 1, name = "souk, each order alone" })
    end
    in_turns({ group = "hot", what = "a lone client", size = "10k", clients = 1,
        rounds = plan.is_quick and 2 or 6 }, list)
end

--- So many are left, with the movement that explains it.
local function set_left(database, product, left)
    place.sql(database, ([[update product_stock set stock = reserved + %d where product_id = '%s';
        insert into inventory_movements (product_id, kind, delta, stock_after)
        select product_id, 'SET', stock - (select coalesce(sum(delta), 0)
            from inventory_movements where product_id = '%s'), stock
        from product_stock where product_id = '%s']]):format(left, product, product, product))
end

local function sold_out()
    local database = reads.database()
    local _, gone = products(database)
    local buyer = buying.buyer(database, place.server(database), CLIENTS,
        { products = { gone }, lines = 1, status = 409 })
    local fill = buyer.fill
    function buyer.prepare()
        fill()
        set_left(database, gone, 0)
    end
    return { buyer }
end

local CONNECTIONS = { 1, 8, 64 }

local function one_each(connections)
    return ("one statement each, %d connections"):format(connections)
end

--- A server whose application can reserve and nothing else; nil where nothing is gathered.
local function reserving_server(database)
    if not can_be_alone() then
        return nil
    end
    local folder = place.HOME .. "/reserving"
    machine.sh(("rm -rf %s && mkdir -p %s && cp -r lua sql %s && mkdir -p %s/sql/queries/bench && "
        .. "cp spec/bench/reserve.sql %s/sql/queries/bench/reserve.sql && "
        .. "cp spec/bench/reserve_route.lua %s/lua/routes/reserve.lua && sed -i "
        .. "'s/^for _, name in ipairs(ROUTES) do/ROUTES[#ROUTES + 1] = \"reserve\"\\n&/' "
        .. "%s/lua/boot.lua"):gsub("%%s", folder))
    return place.server(database, {
        ["lua.dir"] = folder .. "/lua", ["sql.dir"] = folder .. "/sql",
        ["stock.orders_max"] = 256,
    })
end

local TIMES = 50

--- 64 clients within the server, who reserve over and over: no HTTP is between.
local function reserver(server)
    local file = loads.file({ { 0, 201, "reserve", loads.text("POST", "/api/bench/reserve", nil,
        { clients = CLIENTS, times = TIMES }) } })
    return {
        name = "souk, gathered", pids = server.pids,
        run = function(seconds)
            local figures = loads.run(server.port, 1, seconds, 0, file).reserve
            for _, name in ipairs({ "p50_ms", "p95_ms", "p99_ms" }) do
                figures[name] = figures[name] / TIMES
            end
            figures.requests = figures.requests * CLIENTS * TIMES
            return figures
        end,
    }
end

local function reservations()
    local database, list = reads.database(), {}
    for i, connections in ipairs(CONNECTIONS) do
        list[i] = { name = one_each(connections),
            run = ceilings.reservations(database, connections) }
    end
    local server = reserving_server(database)
    if server then
        list[#list + 1] = reserver(server)
    end
    return list
end

local function reserve_ratio()
    local souk = plan.find("hot", "reservations", "souk, gathered")
    local best = 0
    for _, connections in ipairs(CONNECTIONS) do
        local row = plan.find("hot", "reservations", one_each(connections))
        best = math.max(best, row and row.rate or 0)
    end
    return souk and best > 0 and souk.rate / best or nil
end

--- Orders of a product that the database knows.
local function orders_of(database, product)
    return tonumber(place.sql(database, ("select count(*) from order_items where product_id = '%s'")
        :format(product)))
end

--- Sells out a shelf that half of the buyers can have from; what was promised, granted, left.
local function sell_out(database, server, product, during)
    local half = buying.buyers_count() / 2
    local buyer = buying.buyer(database, server, CLIENTS,
        { products = { product }, lines = 1, is_lenient = true })
    buyer.prepare()
    set_left(database, product, half)
    local before = orders_of(database, product)
    if during then
        during()
    end
    local figures = buyer.run()
    local left = tonumber(place.sql(database,
        ("select stock - reserved from product_stock where product_id = '%s'"):format(product)))
    return {
        promised = figures.requests - figures.others,
        made = orders_of(database, product) - before, wanted = half, left = left,
    }
end

local function check_books(database, server)
    place.sql(database, [[insert into users (id, email, password_hash, name, role) values
        ('be000003-0000-7000-8000-000000000001', 'bench-admin@example.com',
        '$2b$10$2eQRreyYoMx03SpzchatgOpCVOGjHAxqbt.Y.S.PwuOn2oiRGw9GO', 'Bench', 'ADMIN')
        on conflict do nothing]])
    local status, body = place.get(server.port, "/api/admin/invariants",
        require("spec.bench.tokens").make("be000003-0000-7000-8000-000000000001", "ADMIN"))
    assert(status == 200, body)
    local broken = 0
    for _, rule in ipairs(cjson.decode(body).data) do
        if rule.violations and rule.violations ~= 0 or rule.ok == false then
            broken = broken + 1
            plan.say("broken: " .. cjson.encode(rule))
        end
    end
    return broken
end

--- In a database that no pgbench has written to, so that the books are souk's alone.
local function prove()
    local database = place.database(50, plan.is_quick and 1000 or 5000)
    local product = products(database)
    local result = sell_out(database, place.server(database), product)
    plan.facts.hot_oversold = math.max(0, result.made - result.wanted, -result.left)
    plan.facts.hot_lost = math.max(0, result.promised - result.made)
    plan.say(("%d promised, %d made, %d were there"):format(result.promised, result.made,
        result.wanted))
    local two = place.server(database, { ["http.workers"] = 2 })
    result = sell_out(database, two, product, function()
        machine.sh(("(sleep 0.3; kill -KILL %d) >/dev/null 2>&1 &"):format(two.pids()[1]))
    end)
    plan.facts.hot_oversold = math.max(plan.facts.hot_oversold, result.made - result.wanted)
    plan.facts.hot_lost_killed = math.max(0, result.promised - result.made)
    plan.say(("a worker killed: %d promised, %d made, %d were there"):format(result.promised,
        result.made, result.wanted))
    set_left(database, product, 1000000)
    plan.facts.hot_broken = check_books(database, place.server(database))
end

function hot.hot()
    local function add(what, clients, contestants, count)
        plan.add({ group = "hot", what = what, size = "10k", clients = clients, seconds = 2,
            contestants = contestants, count = count })
    end
    add("whole checkouts", CLIENTS, whole_checkouts, 4)
    plan.step("hot", "a lone client", lone_client)
    add("sold out", CLIENTS, sold_out, 1)
    add("reservations", CLIENTS, reservations, can_be_alone() and 4 or 3)
    plan.step("hot", "nothing sold twice, no order lost, a worker killed", function()
        prove()
        local lone = plan.find("hot", "a lone client", "souk")
        local alone = plan.find("hot", "a lone client", "souk, each order alone")
        plan.facts.hot_reserve_ratio = reserve_ratio()
        plan.facts.hot_lone_ratio = lone and alone and lone.rate / alone.rate
    end)
end

return hot
