--- Reservations of one product and nothing else: what core.stock does when all want the same.
-- The bench adds it to a copy of the application whose folder of queries holds bench/reserve.
local db = require("souk.db")
local parallel = require("core.parallel")
local s = require("souk.schema")
local stock = require("core.stock")
local web = require("souk.web")

local PRODUCT = "00000000-0000-7000-8000-000000000001"
local CLIENTS_MAX = 64

--- So many clients, each of whom reserves one unit so many times, one after the other.
web.post("/api/bench/reserve", {
    id = "bench.reserve", summary = "Reserve", tags = { "bench" }, roles = false,
    body = s.object({
        clients = s.integer({ min = 1, max = CLIENTS_MAX }),
        times = s.integer({ min = 1, max = 10000 }),
    }),
    answers = { [201] = s.object({ reserved = s.integer() }) },
    example = { clients = 1, times = 1 },
}, function(req)
    local reserved, failure = 0, nil
    local turns = {}
    for client = 1, req.body.clients do
        turns[client] = function()
            local owner = ("00000000-0000-7000-8000-%012x"):format(client)
            for _ = 1, req.body.times do
                local row, problem = stock.place("bench/reserve", owner, { PRODUCT },
                    db.array({ 1 }))
                failure = failure or problem
                reserved = reserved + (row and 1 or 0)
            end
        end
    end
    parallel(unpack(turns))
    if failure then
        return nil, failure
    end
    return web.created("/api/bench/reserve", { reserved = reserved })
end)
