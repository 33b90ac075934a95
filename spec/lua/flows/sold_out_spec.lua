--- Who presses on is refused from memory, until something has changed.
local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("flows.sold_out", function()
    local w, shop, buyer, thing

    setup(function()
        -- One worker and a long memory: what ends it are changes.
        w = world.start({ set = { ["http.workers"] = 1, ["cache.stock_ms"] = 60000 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function press()
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
        return answer.json.code or answer.status, answer
    end

    describe("for who was refused already", function()
        before_each(function()
            buyer, thing = w:buyer(), w:product(shop, { stock = 3 })
            w:add(buyer, thing, 3)
            local other = w:buyer()
            w:add(other, thing, 1)
            w:checkout(other)
            assert.equal("insufficient_stock", (press()))
        end)

        it("says the same again without asking", function()
            local _, first = press()
            -- Stock that rises past the triggers, as nobody's does: who asked would see it.
            w.db:query("set session_replication_role = replica; "
                .. "update product_stock set stock = 9 where product_id = '" .. thing.id .. "'")
            for _ = 1, 5 do
                local code, answer = press()
                assert.equal("insufficient_stock", code)
                assert.same(first.json.details, answer.json.details)
            end
        end)

        it("asks again when stock has risen, by a vendor or by SQL", function()
            w:expect(200, "PUT", "/api/products/" .. thing.id .. "/inventory", shop, { stock = 9 })
            assert.equal(201, (press()))
            w:add(buyer, thing, 5)
            w.db:query("update product_stock set reserved = reserved + 1 where product_id = '"
                .. thing.id .. "'")
            assert.equal("insufficient_stock", (press()))
            w.db:query("update product_stock set reserved = reserved - 1 where product_id = '"
                .. thing.id .. "'")
            shell.wait_until("it is told", 20, function()
                return press() == 201
            end)
        end)

        it("asks again when the cart has changed", function()
            local line = w:expect(200, "GET", "/api/cart", buyer).groups[1].items[1]
            w:expect(200, "PATCH", "/api/cart/items/" .. line.id, buyer, { quantity = 2 })
            assert.equal(201, (press()))
            w:add(buyer, w:product(shop))
            assert.equal(201, (press()))
        end)

        it("asks again when the cart was emptied, or lost its line", function()
            w:expect(204, "DELETE", "/api/cart", buyer)
            assert.equal("empty_cart", (press()))
        end)

        it("asks again when another cart was looked at, whoever has changed it", function()
            w.db:query("delete from cart_items where product_id = '" .. thing.id .. "'")
            assert.equal("insufficient_stock", (press()))
            w:expect(200, "GET", "/api/cart", buyer)
            assert.equal("empty_cart", (press()))
        end)
    end)

    describe("for a product of which nothing is left", function()
        local late

        --- Another buyer, who looks at a cart that nobody was refused for, and all is gone.
        before_each(function()
            late, thing = w:buyer(), w:product(shop, { stock = 2 })
            w:add(late, thing, 2)
            local first, short = w:buyer(), w:buyer()
            w:add(first, thing, 2)
            w:add(short, thing, 1)
            w:checkout(first)
            buyer = short
            assert.equal("insufficient_stock", (press()))
            w:expect(200, "GET", "/api/cart", late)
            buyer = late
            -- Past the triggers: who asked would see it.
            w.db:query("set session_replication_role = replica; "
                .. "update product_stock set stock = 9 where product_id = '" .. thing.id .. "'")
        end)

        it("tells a buyer whose cart was just seen, as the database would", function()
            local code, answer = press()
            assert.equal("insufficient_stock", code)
            assert.same({ {
                field = "items", message = "2 wanted, 0 available", productId = thing.id,
                requested = 2, available = 0,
            } }, answer.json.details)
        end)

        it("asks when the cart was seen empty, whoever has emptied it", function()
            w.db:query("delete from cart_items where product_id = '" .. thing.id .. "'")
            assert.equal("insufficient_stock", (press()))
            w:expect(200, "GET", "/api/cart", buyer)
            assert.equal("empty_cart", (press()))
        end)

        it("asks when anything else is in the cart", function()
            w:add(late, w:product(shop))
            w:expect(200, "GET", "/api/cart", late)
            assert.equal(201, (press()))
        end)

        it("asks for who has not looked at the cart since it has changed", function()
            w:add(late, thing, 1)
            assert.equal(201, (press()))
        end)

        it("asks when stock has risen", function()
            w.db:query("update product_stock set stock = stock + 1 where product_id = '"
                .. thing.id .. "'")
            shell.wait_until("it is told", 20, function()
                return press() == 201
            end)
        end)

        it("takes the cart for empty once it was bought", function()
            w.db:query("update product_stock set stock = stock + 1 where product_id = '"
                .. thing.id .. "'")
            shell.wait_until("it is told", 20, function()
                return press() == 201
            end)
            assert.equal("empty_cart", (press()))
        end)
    end)
end)
