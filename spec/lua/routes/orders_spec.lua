local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.orders", function()
    local w, shop, buyer, orders

    setup(function()
        w = world.start()
        shop, buyer, orders = w:vendor(), w:buyer(), {}
        local thing = w:product(shop, { stock = 100 })
        for i = 1, 5 do
            w:add(buyer, thing)
            orders[i] = w:checkout(buyer)
        end
    end)

    teardown(function()
        w:stop()
    end)

    it("lists one's own orders, newest first, and nobody else's", function()
        local page = w:expect(200, "GET", "/api/orders?limit=3", buyer)
        assert.same({ 5, 3 }, { page.page.total, #page.data })
        assert.equal(orders[5].id, page.data[1].id)
        assert.equal(0, w:expect(200, "GET", "/api/orders", w:buyer()).page.total)
    end)

    it("goes on behind a cursor without gap or repetition", function()
        local seen, cursor = {}, nil
        repeat
            local page = w:expect(200, "GET", "/api/orders?limit=2"
                .. (cursor and "&cursor=" .. cursor or ""), buyer)
            for _, order in ipairs(page.data) do
                seen[#seen + 1] = order.id
            end
            cursor = type(page.page.nextCursor) == "string" and page.page.nextCursor
        until not cursor
        assert.same({ orders[5].id, orders[4].id, orders[3].id, orders[2].id, orders[1].id }, seen)
    end)

    it("filters by status", function()
        w:expect(200, "POST", "/api/orders/" .. orders[1].id .. "/cancel", buyer, {})
        local page = w:expect(200, "GET", "/api/orders?status=CANCELLED", buyer)
        assert.same({ 1, orders[1].id }, { page.page.total, page.data[1].id })
        assert.equal(422, w:request("GET", "/api/orders?status=LOST", buyer).status)
    end)

    it("shows the same order in lists and alone", function()
        assert.same(w:expect(200, "GET", "/api/orders/" .. orders[5].id, buyer),
            w:expect(200, "GET", "/api/orders?limit=1", buyer).data[1])
    end)

    it("answers a foreign order like one that is not there", function()
        local stranger = w:buyer()
        local foreign = w:request("GET", "/api/orders/" .. orders[2].id, stranger)
        local missing = w:request(
            "GET", "/api/orders/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", stranger)
        assert.same({ 404, 404, foreign.json.message },
            { foreign.status, missing.status, missing.json.message })
        assert.equal(422, w:request("GET", "/api/orders/1", stranger).status)
    end)

    it("is not for vendors, who have their own view", function()
        assert.equal(403, w:request("GET", "/api/orders/" .. orders[2].id, shop).status)
        assert.equal(401, w:request("GET", "/api/orders").status)
    end)

    it("shows all orders, with the platform's fee, to admins", function()
        local made = story.ordered(w)
        local page = w:expect(200, "GET", "/api/orders", w:admin())
        assert.same({ made.order.id, 600 }, { page.data[1].id, page.data[1].platformFee.amount })
    end)
end)
