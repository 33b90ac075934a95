--- Reservations of one product and nothing else: what core.stock does when all want the same.
-- The bench adds it to a copy of the application whose folder of queries holds bench/reserve.
local db = require("souk.db")
local s = require("souk.schema")
local stock = require("core.stock")
local web = require("souk.web")

local PRODUCT = "00000000-0000-7000-8000-000000000001"

local owners = 0

web.post("/api/bench/reserve", {
    id = "bench.reserve", summary = "Reserve one", tags = { "bench" }, roles = false,
    body = s.object({ quantity = s.integer({ min = 1, max = 10 }) }),
    answers = { [201] = s.object({ id = s.integer() }) },
    example = { quantity = 1 },
}, function(req)
    owners = owners + 1
    local owner = ("00000000-0000-7000-8000-%012x"):format(owners)
    local row, problem = stock.place("bench/reserve", owner, { PRODUCT },
        db.array({ req.body.quantity }))
    if not row then
        return nil, problem
    end
    return web.created("/api/bench/reserve", { id = row.id })
end)
