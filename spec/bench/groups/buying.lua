--- POSTs: into the cart, and from the cart to an order. Carts of thousands of buyers are filled
-- before each round, so that a checkout is measured alone; its buyers have been seen a moment ago,
-- as one who checks out has.
local ceilings = require("spec.bench.ceilings")
local loads = require("spec.bench.loads")
local peers = require("spec.bench.peers")
local place = require("spec.bench.place")
local plan = require("spec.bench.plan")
local reads = require("spec.bench.groups.reads")

local buying = {}

buying.LINES = 4
local SHELF = 400
local ADDRESS = { shippingAddress = {
    name = "Ada Buyer", line1 = "1 Market Lane", city = "Lisbon", postalCode = "1100-148",
    country = "PT",
} }

function buying.buyers_count()
    return plan.is_quick and 512 or 4096
end

local shelves, buyers_there = {}, {}

--- Products with stock for all that the bench buys, and buyers; once a database.
function buying.shelf(database)
    if not shelves[database] then
        shelves[database] = place.shelves(database, SHELF, 1000000)
    end
    return shelves[database]
end

function buying.people(database)
    if not buyers_there[database] then
        place.buyers(database, buying.buyers_count())
        buyers_there[database] = true
    end
end

-- Cart -------------------------------------------------------------------------------------------

local ADDS = 4

local function adds(products, clients, path)
    local entries = {}
    for i = 1, ADDS do
        for c = 1, clients do
            entries[#entries + 1] = { c - 1, 201, "add", loads.text("POST", path,
                place.token(c), {
                    productId = products[(c * 7 + i * 97) % #products + 1], quantity = 1,
                }) }
        end
    end
    return loads.file(entries)
end

function buying.empty_carts(database)
    place.sql(database, "delete from cart_items; vacuum cart_items")
end

--- Adds to carts, over and over. name, path: a peer's.
function buying.adder(database, server, clients, name, path)
    buying.people(database)
    local file = adds(buying.shelf(database), clients, path or "/api/cart/items")
    local function run(seconds)
        return loads.run(server.port, clients, seconds, 0, file).add
    end
    local warm = reads.warmer(server, run)
    return {
        name = name or "souk", pids = server.pids, run = run,
        prepare = function()
            warm()
            buying.empty_carts(database)
        end,
    }
end

function buying.cart()
    for _, clients in ipairs(plan.is_quick and { 16 } or { 1, 16, 64 }) do
        plan.add({
            group = "cart", what = "POST /api/cart/items", size = "10k", clients = clients,
            seconds = 2, count = clients == 16 and 2 or 1,
            contestants = function()
                local database = reads.database()
                local list = { buying.adder(database, place.server(database), clients) }
                local nestjs = clients == 16 and peers.nestjs(database)
                if nestjs then
                    list[2] = buying.adder(database, nestjs, clients, "NestJS", "/cart/items")
                end
                return list
            end,
        })
    end
end

-- Checkout ---------------------------------------------------------------------------------------

--- How many buy in a round: fewer where fewer come at a time, or a lone one would take long.
local function count_for(clients)
    return math.min(buying.buyers_count(), clients * (plan.is_quick and 64 or 512))
end

--- pgbench's crowds on one row take seconds for what souk sells in one.
local function ceiling_count_for(clients)
    return math.min(count_for(clients), plan.is_quick and 192 or math.huge)
end

local function each_buyer(count, clients, status, label, method, path, body)
    local entries = {}
    for n = 1, count do
        entries[#entries + 1] = { n % clients, status, label,
            loads.text(method, path, place.token(n), body) }
    end
    return loads.file(entries)
end

local warm = {}

--- Checks all carts out once. products and lines: what is in them; status: what is wished.
function buying.buyer(database, server, clients, options)
    options = options or {}
    buying.people(database)
    local products = options.products or buying.shelf(database)
    local count = count_for(clients)
    local seen = each_buyer(count, 64, 200, "seen", "GET", "/api/cart")
    local file = each_buyer(count, clients, options.status or 201, "checkout", "POST",
        "/api/checkout", ADDRESS)
    local function fill()
        buying.empty_carts(database)
        place.fill_carts(database, count, products, options.lines or buying.LINES)
        loads.run(server.port, 64, 0, 0, seen)
    end
    local function run()
        return loads.run(server.port, clients, 0, options.rate and options.rate() or 0, file,
            options.is_lenient).checkout
    end
    return {
        name = options.name or "souk", pids = server.pids, run = run, fill = fill,
        prepare = function()
            place.settle()
            fill()
            -- A worker that has just begun compiles what it will run: that is no checkout's cost.
            if not options.is_lenient and not warm[server] then
                warm[server] = true
                run()
                fill()
            end
        end,
    }
end

--- The database's ceiling: the same statements, pipelined by pgbench, one order a transaction.
function buying.ceiling(database, clients, options)
    options = options or {}
    buying.people(database)
    local products = options.products or buying.shelf(database)
    local count = ceiling_count_for(clients)
    return {
        name = options.name or "pgbench, pipelined",
        prepare = function()
            place.settle()
            buying.empty_carts(database)
            place.fill_carts(database, count, products, options.lines or buying.LINES)
        end,
        run = (options.run or ceilings.checkouts)(database, clients, count),
    }
end

function buying.checkout()
    for _, clients in ipairs(plan.is_quick and { 8, 64 } or { 1, 8, 64, 512 }) do
        plan.add({
            group = "checkout", what = "POST /api/checkout", size = "10k", clients = clients,
            seconds = 2, count = 2,
            contestants = function()
                local database = reads.database()
                return {
                    buying.buyer(database, place.server(database), clients),
                    buying.ceiling(database, math.min(clients, 64)),
                }
            end,
        })
    end
    plan.add({
        group = "checkout", what = "POST /api/checkout at half of the peak", size = "10k",
        clients = 64, seconds = 2, count = 1,
        contestants = function()
            local database = reads.database()
            local peak = assert(plan.find("checkout", "POST /api/checkout", "souk", "10k", 64))
            return { buying.buyer(database, place.server(database), 64, { rate = function()
                return peak.rate / 2
            end }) }
        end,
    })
end

return buying
