--- What is frozen at checkout, and what another transaction may not slip in between reading and
--- writing.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.checkout", function()
    local w, shop

    setup(function()
        w = world.start()
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function place(buyer, headers, body)
        return w:request("POST", "/api/checkout", buyer,
            body or { shippingAddress = world.ADDRESS }, headers)
    end

    --- The answer of a checkout that another transaction, which holds the product's stock, lets
    --- wait, until it commits what the SQL has done.
    local function place_beside(product, sql, buyer, headers)
        local session = w.db:hold(("update product_stock set stock = stock "
            .. "where product_id = '%s'; %s"):format(product.id, sql))
        return client.parallel({ function()
            return place(buyer, headers)
        end, function()
            shell.wait_until("the checkout waits", 20, function()
                w:request("GET", "/health") -- lets the others go on
                return w.db:waiting() > 0
            end)
            session:release()
        end })[1]
    end

    it("splits an order of 100.00 over two vendors: fees 6.00 and 4.00, earnings 54.00 and 36.00",
        function()
            local other, buyer = w:vendor(), w:buyer()
            w:add(buyer, w:product(shop, { price = 6000 }))
            w:add(buyer, w:product(other, { price = 4000 }))
            local order = w:checkout(buyer)
            assert.equal(10000, order.total.amount)
            assert.is_nil(order.platformFee)
            local parts = {}
            for _, part in ipairs(order.vendorOrders) do
                parts[part.vendorId] = {
                    part.subtotal.amount, part.platformFee.amount, part.earnings.amount,
                }
            end
            assert.same({
                [shop.vendor_id] = { 6000, 600, 5400 }, [other.vendor_id] = { 4000, 400, 3600 },
            }, parts)
            local seen = w:expect(200, "GET", "/api/orders/" .. order.id, w:admin())
            assert.equal(1000, seen.platformFee.amount)
        end)

    it("answers what GET /orders/{id} gives", function()
        local made = story.ordered(w, { shop = shop, quantity = 2 })
        assert.same(story.order(w, made), made.order)
    end)

    it("freezes price and name on the order", function()
        local made = story.ordered(w, { shop = shop })
        w:expect(200, "PATCH", "/api/products/" .. made.thing.id, shop,
            { name = "Renamed " .. made.thing.id, price = { amount = 1, currency = "USD" } })
        local item = story.order(w, made).items[1]
        assert.same({ made.thing.name, 6000 }, { item.name, item.unitPrice.amount })
    end)

    it("keeps the policy's version, its input and its lines with the vendor order", function()
        local made = story.ordered(w, { shop = shop })
        local part = made.order.vendorOrders[1]
        assert.equal(64, #part.feePolicyVersion)
        assert.same({ { name = "commission", amount = { amount = 600, currency = "USD" } } },
            part.feeLines)
        assert.equal(6000, w.db:value(("select fee_input -> 'subtotal' from vendor_orders "
            .. "where id = '%s'"):format(part.id)))
    end)

    it("empties the cart", function()
        local made = story.ordered(w, { shop = shop })
        assert.equal(0, w:expect(200, "GET", "/api/cart", made.buyer).itemCount)
        local again = place(made.buyer)
        assert.same({ 400, "empty_cart" }, { again.status, again.json.code })
    end)

    it("keeps nothing reserved when one line is short, and names the line", function()
        local full, scarce = w:product(shop, { stock = 9 }), w:product(shop, { stock = 2 })
        local buyer, rival = w:buyer(), w:buyer()
        w:add(buyer, full, 3)
        w:add(buyer, scarce, 2)
        w:add(rival, scarce, 1)
        w:checkout(rival)
        local answer = place(buyer)
        assert.same({ 409, "insufficient_stock" }, { answer.status, answer.json.code })
        assert.equal(1, #answer.json.details)
        local line = answer.json.details[1]
        assert.same({ scarce.id, 2, 1 }, { line.productId, line.requested, line.available })
        assert.same({ 9, 0 }, { w:stock(shop, full) })
        assert.equal(5, w:expect(200, "GET", "/api/cart", buyer).itemCount)
    end)

    it("does not sell what is no longer published, nor a suspended vendor's goods", function()
        local gone, closed = w:product(shop), w:vendor()
        local theirs = w:product(closed)
        local first, second = w:buyer(), w:buyer()
        w:add(first, gone)
        w:add(second, theirs)
        w:expect(200, "POST", "/api/products/" .. gone.id .. "/unpublish", shop)
        w:expect(200, "POST", "/api/admin/vendors/" .. closed.vendor_id .. "/suspend", w:admin(),
            { reason = "spec" })
        for _, buyer in ipairs({ first, second }) do
            local answer = place(buyer)
            assert.same({ 409, 0 }, { answer.status, answer.json.details[1].available })
        end
    end)

    it("sells at the new price when it changes between reading and writing", function()
        local thing, buyer = w:product(shop, { price = 1000 }), w:buyer()
        w:add(buyer, thing)
        local answer = place_beside(thing,
            ("update products set price_minor = 1500 where id = '%s'"):format(thing.id), buyer)
        assert.equal(201, answer.status, answer.body)
        assert.equal(1500, answer.json.total.amount)
    end)

    it("tells of the changed price when the caller's transaction is lost with it", function()
        local thing, buyer = w:product(shop, { price = 1000 }), w:buyer()
        w:add(buyer, thing)
        local key = { ["Idempotency-Key"] = "price-" .. thing.id }
        local answer = place_beside(thing,
            ("update products set price_minor = 1700 where id = '%s'"):format(thing.id), buyer, key)
        assert.same({ 409, "price_changed" }, { answer.status, answer.json.code })
        assert.same({ 10, 0 }, { w:stock(shop, thing) })
        assert.equal(1700, place(buyer, key).json.total.amount)
    end)

    it("makes one order of a cart that is checked out ten times at once", function()
        local thing, buyer = w:product(shop, { stock = 50 }), w:buyer()
        w:add(buyer, thing, 2)
        local entries = {}
        for i = 1, 10 do
            entries[i] = w:prepared("POST", "/api/checkout", buyer,
                { shippingAddress = world.ADDRESS })
        end
        local made = 0
        for _, answer in ipairs(client.parallel(entries)) do
            made = made + (answer.status == 201 and 1 or 0)
            assert.is_true(answer.status == 201 or answer.status == 400 or answer.status == 409,
                answer.body)
        end
        assert.equal(1, made)
        assert.same({ 50, 2 }, { w:stock(shop, thing) })
    end)

    it("replays an answered key, and refuses it with another body", function()
        local buyer = w:buyer()
        w:add(buyer, w:product(shop))
        local key = { ["Idempotency-Key"] = "once" }
        local first, second = place(buyer, key), place(buyer, key)
        assert.same({ 201, first.body, "true" },
            { second.status, second.body, second.headers["idempotent-replayed"] })
        local other = place(buyer, key, { shippingAddress = world.ADDRESS, note = "ring twice" })
        assert.same({ 422, "idempotency_mismatch" }, { other.status, other.json.code })
    end)
end)
