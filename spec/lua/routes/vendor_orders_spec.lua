local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.vendor_orders", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    it("shows a vendor its own part and not a word of the others'", function()
        local page = w:expect(200, "GET", "/api/vendor/orders", made.a)
        assert.equal(1, page.page.total)
        local part = page.data[1]
        assert.same({ made.a.vendor_id, 6000, 600, 5400, "CONFIRMED" }, {
            part.vendorId, part.subtotal.amount, part.platformFee.amount, part.earnings.amount,
            part.status,
        })
        assert.same({ 1, made.thing_a.id }, { #part.items, part.items[1].productId })
        local answer = w:request("GET", "/api/vendor/orders/" .. part.id, made.a)
        assert.same(part, answer.json)
        for _, hidden in ipairs({
            made.b.vendor_id, made.thing_b.id, made.buyer.email, made.buyer.buyer_id,
        }) do
            assert.is_nil(answer.body:find(hidden, 1, true))
        end
    end)

    it("answers another vendor's part like one that is not there", function()
        local part = story.part(w, made, made.b)
        local foreign = w:request("GET", "/api/vendor/orders/" .. part.id, made.a)
        local missing = w:request(
            "GET", "/api/vendor/orders/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", made.a)
        assert.same({ 404, 404, foreign.json.message },
            { foreign.status, missing.status, missing.json.message })
    end)

    it("does not show where a buyer lives before the order is paid", function()
        local unpaid = story.ordered(w, { shop = made.a })
        local answer = w:request("GET",
            "/api/vendor/orders/" .. unpaid.order.vendorOrders[1].id, made.a)
        assert.truthy(answer.body:find('"shippingAddress":null', 1, true))
        assert.equal("Lisbon", story.part(w, made, made.a).shippingAddress.city)
    end)

    it("filters by status", function()
        for status, count in pairs({ CONFIRMED = 1, SHIPPED = 0 }) do
            local page = w:expect(200, "GET", "/api/vendor/orders?status=" .. status, made.b)
            assert.equal(count, page.page.total)
        end
    end)

    for name, body in pairs({
        ["a status that is no step"] = { status = "CANCELLED" },
        ["CONFIRMED"] = { status = "CONFIRMED" },
        ["no status"] = { carrier = "DHL" },
        ["a fee"] = { status = "PROCESSING", platformFee = 0 },
    }) do
        it("refuses " .. name .. " as a step", function()
            local part = story.part(w, made, made.b)
            assert.equal(422, w:request("PATCH", "/api/vendor/orders/" .. part.id .. "/status",
                made.b, body).status)
            assert.equal("CONFIRMED", story.part(w, made, made.b).status)
        end)
    end

    it("asks for a reason to cancel", function()
        local part = story.part(w, made, made.b)
        assert.equal(422, w:request("POST", "/api/vendor/orders/" .. part.id .. "/cancel",
            made.b, {}).status)
    end)

    it("is for vendors", function()
        for _, who in ipairs({ made.buyer, w:admin() }) do
            assert.equal(403, w:request("GET", "/api/vendor/orders", who).status)
        end
    end)
end)
