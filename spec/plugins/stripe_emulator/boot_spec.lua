describe("plugins/stripe_emulator/boot.lua", function()
    local generation = require("stripe_emulator.boot")

    it("gives routes for the API, the controls and the payment page", function()
        local known = {}
        for _, route in ipairs(generation.routes) do
            local name = route.method .. " " .. route.path
            assert.is_nil(known[name])
            known[name] = true
            assert.is_function(route.run)
        end
        for _, name in ipairs({ "POST /v1/{p1}", "DELETE /v1/{p1}/{p2}", "POST /_emu/reset",
            "GET /pay/{client_secret}", "POST /pay/{client_secret}/3ds" }) do
            assert.is_true(known[name], name)
        end
    end)

    it("gives timers that move the clock and deliver events", function()
        local names = {}
        for _, timer in ipairs(generation.timers) do
            names[timer.name] = timer.every_ms
            assert.is_function(timer.run)
        end
        assert.equal(1000, names["emulator.clock"])
        assert.equal(20, names["emulator.webhooks.1"])
    end)
end)
