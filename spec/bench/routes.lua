--- Routes that the bench adds to its copy of the application: what the way into Lua and out of it
-- costs, without a database.
local s = require("souk.schema")
local web = require("souk.web")

web.get("/api/bench/fixed", {
    id = "bench.fixed", summary = "A fixed answer", tags = { "bench" }, roles = false,
    answers = { [200] = s.object({ name = s.string(), price = s.money() }) },
}, function()
    return { name = "Monsoon coffee", price = { amount = 6000, currency = "USD" } }
end)

--- A body of that many bytes, made once: what an answer of a size costs to send.
local bodies = {}

web.get("/api/bench/body", {
    id = "bench.body", summary = "A fixed body", tags = { "bench" }, roles = false, etag = true,
    query = s.object({ bytes = s.integer({ min = 16, max = 1000000 }) }),
    answers = { [200] = s.object({ data = s.string() }) },
}, function(req)
    local bytes = req.query.bytes
    bodies[bytes] = bodies[bytes] or ('{"data":"%s"}'):format(("x"):rep(bytes - 11))
    return web.json(bodies[bytes])
end)
