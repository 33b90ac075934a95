local client = require("spec.support.client")
local world = require("spec.support.world")

describe("routes.cart", function()
    local w, shop

    setup(function()
        w = world.start()
        shop = w:vendor()
    end)

    teardown(function()
        w:stop()
    end)

    local function add(buyer, product, quantity)
        return w:request("POST", "/api/cart/items", buyer,
            { productId = product.id, quantity = quantity })
    end

    it("is made once when many things are put into it at the same time", function()
        local thing = w:product(w:vendor(), { stock = 1000 })
        local entries, buyers = {}, {}
        for n = 1, 15 do
            buyers[n] = w:buyer()
            for _ = 1, 6 do
                entries[#entries + 1] = w:prepared("POST", "/api/cart/items", buyers[n],
                    { productId = thing.id, quantity = 1 })
            end
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(201, answer.status, answer.body)
        end
        for _, buyer in ipairs(buyers) do
            assert.equal(6, w:expect(200, "GET", "/api/cart", buyer).itemCount)
        end
    end)

    it("is empty at first, and has an id", function()
        local buyer = w:buyer()
        local cart = w:expect(200, "GET", "/api/cart", buyer)
        assert.same({ 0, 0, buyer.buyer_id }, { cart.itemCount, cart.subtotal.amount, cart.id })
    end)

    it("groups lines by vendor, with sums that add up", function()
        local buyer, other = w:buyer(), w:vendor()
        w:add(buyer, w:product(shop, { price = 1000 }), 2)
        w:add(buyer, w:product(other, { price = 500 }), 1)
        local cart = w:add(buyer, w:product(shop, { price = 250 }), 4)
        assert.same({ 2, 7, 3500 }, { #cart.groups, cart.itemCount, cart.subtotal.amount })
        assert.same({ shop.vendor_id, 2, 3000 }, {
            cart.groups[1].vendorId, #cart.groups[1].items, cart.groups[1].subtotal.amount,
        })
        assert.equal(2000, cart.groups[1].items[1].lineTotal.amount)
    end)

    it("adds to the line of the same product", function()
        local buyer, thing = w:buyer(), w:product(shop, { stock = 5 })
        w:add(buyer, thing, 2)
        local cart = w:add(buyer, thing, 3)
        assert.same({ 1, 5 }, { #cart.groups[1].items, cart.itemCount })
        local short = add(buyer, thing, 1)
        assert.same({ 400, "insufficient_stock", "Insufficient stock for product" },
            { short.status, short.json.code, short.json.message })
        assert.equal(5, short.json.details[1].available)
    end)

    it("reserves nothing", function()
        local thing = w:product(shop, { stock = 5 })
        w:add(w:buyer(), thing, 5)
        assert.same({ 5, 0 }, { w:stock(shop, thing) })
    end)

    it("does not offer what others have reserved", function()
        local thing = w:product(shop, { stock = 2 })
        local first, second = w:buyer(), w:buyer()
        w:add(first, thing, 2)
        w:add(second, thing, 2)
        w:checkout(first)
        local item = w:expect(200, "GET", "/api/cart", second).groups[1].items[1]
        assert.same({ 0, "insufficient_stock" }, { item.available, item.problem })
    end)

    it("says that a price has changed, until the line is touched", function()
        local buyer, thing = w:buyer(), w:product(shop, { price = 1000 })
        local line = w:add(buyer, thing).groups[1].items[1]
        w:expect(200, "PATCH", "/api/products/" .. thing.id, shop,
            { price = { amount = 900, currency = "USD" } })
        local item = w:expect(200, "GET", "/api/cart", buyer).groups[1].items[1]
        assert.same({ "price_changed", 900 }, { item.problem, item.unitPrice.amount })
        local cart = w:expect(200, "PATCH", "/api/cart/items/" .. line.id, buyer, { quantity = 2 })
        assert.is_nil(cart.groups[1].items[1].problem)
    end)

    it("changes, removes and clears lines of one's own only", function()
        local buyer, thing = w:buyer(), w:product(shop, { stock = 5 })
        local id = w:add(buyer, thing).groups[1].items[1].id
        local path = "/api/cart/items/" .. id
        assert.equal(4, w:expect(200, "PATCH", path, buyer, { quantity = 4 }).itemCount)
        assert.equal(400, w:request("PATCH", path, buyer, { quantity = 6 }).status)
        local stranger = w:buyer()
        assert.equal(404, w:request("PATCH", path, stranger, { quantity = 1 }).status)
        assert.equal(404, w:request("DELETE", path, stranger).status)
        assert.equal(0, w:expect(200, "DELETE", path, buyer).itemCount)
        assert.equal(404, w:request("DELETE", path, buyer).status)
        w:add(buyer, thing)
        assert.equal(204, w:request("DELETE", "/api/cart", buyer).status)
        assert.equal(0, w:expect(200, "GET", "/api/cart", buyer).itemCount)
    end)

    it("takes only what can be bought", function()
        local draft = w:expect(201, "POST", "/api/products", shop,
            { name = "Draft of " .. w.port, stock = 1, price = { amount = 1, currency = "USD" } })
        assert.equal(404, add(w:buyer(), draft, 1).status)
        assert.equal(404, add(w:buyer(), { id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }, 1).status)
    end)

    local thing_id = '"productId":"0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"'
    local bodies = {
        ["a quantity of 0"] = "{" .. thing_id .. ',"quantity":0}',
        ["a negative quantity"] = "{" .. thing_id .. ',"quantity":-1}',
        ["1000 of one"] = "{" .. thing_id .. ',"quantity":1000}',
        ["a fraction"] = "{" .. thing_id .. ',"quantity":1.5}',
        ["1.0"] = "{" .. thing_id .. ',"quantity":1.0}',
        ["1e2"] = "{" .. thing_id .. ',"quantity":1e2}',
        ["a text"] = "{" .. thing_id .. ',"quantity":"1"}',
        ["2^53"] = "{" .. thing_id .. ',"quantity":9007199254740993}',
        ["a price of the client's"] = "{" .. thing_id .. ',"quantity":1,"unitPrice":1}',
        ["no product"] = '{"quantity":1}',
        ["what is no id"] = '{"productId":"1","quantity":1}',
    }
    for name, body in pairs(bodies) do
        it("refuses " .. name, function()
            local answer = w:request("POST", "/api/cart/items", w:buyer(), body)
            assert.same({ 422, "validation_failed" }, { answer.status, answer.json.code })
        end)
    end

    it("holds at most 999 in a line", function()
        local buyer, thing = w:buyer(), w:product(shop, { stock = 2000 })
        w:add(buyer, thing, 999)
        assert.equal(422, add(buyer, thing, 1).status)
    end)

    it("is never worth more than an amount can say", function()
        local buyer = w:buyer()
        local dear = w:product(shop, { price = 600000000000, stock = 5 })
        w:add(buyer, dear, 1)
        local answer = add(buyer, dear, 1)
        assert.same({ 409, "conflict" }, { answer.status, answer.json.code })
        assert.equal(1, w:expect(200, "GET", "/api/cart", buyer).itemCount)
        assert.equal(409, add(buyer, w:product(shop, { price = 500000000000 }), 1).status)
    end)

    it("is for buyers", function()
        for _, method in ipairs({ "GET", "DELETE" }) do
            assert.equal(401, w:request(method, "/api/cart").status)
            assert.equal(403, w:request(method, "/api/cart", shop).status)
            assert.equal(403, w:request(method, "/api/cart", w:admin()).status)
        end
    end)

    it("counts a keyed add once", function()
        local buyer, thing = w:buyer(), w:product(shop)
        for _ = 1, 3 do
            local cart = w:expect(201, "POST", "/api/cart/items", buyer,
                { productId = thing.id, quantity = 1 }, { ["Idempotency-Key"] = "add-1" })
            assert.equal(1, cart.itemCount)
        end
        assert.equal(1, w:expect(200, "GET", "/api/cart", buyer).itemCount)
    end)
end)
