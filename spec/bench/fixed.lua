--- A route that only answers: what the way into Lua and out of it costs.
local s = require("souk.schema")
local web = require("souk.web")

web.get("/api/bench/fixed", {
    id = "bench.fixed", summary = "A fixed answer", tags = { "bench" }, roles = false,
    answers = { [200] = s.object({ name = s.string(), price = s.money() }) },
}, function()
    return { name = "Monsoon coffee", price = { amount = 6000, currency = "USD" } }
end)
