local world = require("spec.support.world")

local NONE = {}

describe("POST /api/checkout", function()
    local w, buyer, thing

    setup(function()
        w = world.start()
        buyer = w:buyer()
        thing = w:product(w:vendor(), { stock = 100 })
        w:add(buyer, thing)
    end)

    teardown(function()
        w:stop()
    end)

    local function body_with(changes)
        local address = {}
        for name, value in pairs(world.ADDRESS) do
            address[name] = value
        end
        for name, value in pairs(changes) do
            address[name] = value ~= NONE and value or nil
        end
        return { shippingAddress = address }
    end

    local cases = {
        { "no address", {}, "shippingAddress" },
        { "an address without a city", body_with({ city = NONE }), "shippingAddress.city" },
        { "a blank name", body_with({ name = "  " }), "shippingAddress.name" },
        { "an unknown field", body_with({ planet = "Mars" }), "shippingAddress.planet" },
        { "a latitude beyond the pole", body_with({ lat = 91, lng = 0 }), "shippingAddress.lat" },
        { "a total of the client's", { shippingAddress = world.ADDRESS, total = 1 }, "total" },
        { "a status of the client's", { shippingAddress = world.ADDRESS, status = "CONFIRMED" },
            "status" },
        { "a buyer's id", { shippingAddress = world.ADDRESS, buyerId = "x" }, "buyerId" },
    }
    for _, case in ipairs(cases) do
        local name, body, field = unpack(case)
        it("refuses " .. name .. ", and orders nothing", function()
            local answer = w:request("POST", "/api/checkout", buyer, body)
            assert.equal(422, answer.status)
            local fields = {}
            for _, fault in ipairs(answer.json.details) do
                fields[fault.field] = true
            end
            assert.is_true(fields[field])
            assert.equal(1, w:expect(200, "GET", "/api/cart", buyer).itemCount)
        end)
    end

    it("tells all faults at once", function()
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = { name = "" }, odd = 1 })
        assert.is_true(#answer.json.details >= 5)
    end)

    it("keeps text as it came, however odd", function()
        local odd = "Robert'); drop table orders; --"
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = body_with({ name = odd }).shippingAddress, note = "Zoë ☕ \\ \"" })
        assert.equal(201, answer.status, answer.body)
        local seen = w:expect(200, "GET", "/api/orders/" .. answer.json.id, buyer)
        assert.same({ odd, "Zoë ☕ \\ \"" }, { seen.shippingAddress.name, seen.note })
        assert.equal("/api/orders/" .. seen.id, answer.headers.location)
    end)

    it("is for buyers", function()
        assert.equal(401, w:request("POST", "/api/checkout", nil, {}).status)
        assert.equal(403, w:request("POST", "/api/checkout", w:admin(), {}).status)
    end)

    it("refuses a malformed key", function()
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS }, { ["Idempotency-Key"] = ("k"):rep(256) })
        assert.equal(400, answer.status)
    end)
end)
