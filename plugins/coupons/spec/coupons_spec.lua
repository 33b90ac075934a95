local client = require("spec.support.client")
local world = require("spec.support.world")

local PATH = "/api/plugins/coupons/codes"
local RACERS = 50

describe("coupons", function()
    local w, admin, shop, thing
    local made = 0

    setup(function()
        w = world.start({ plugins = { "coupons" } })
        admin = w:admin()
        shop = w:vendor()
        thing = w:product(shop, { price = 10000, stock = 1000 })
    end)
    teardown(function()
        assert.is_true(w:expect(200, "GET", "/api/admin/invariants", admin).ok)
        w:stop()
    end)

    local function coupon(fields)
        made = made + 1
        fields.code = fields.code or "CODE" .. made
        return w:expect(201, "POST", PATH, admin, fields).code
    end

    local function shopper(quantity)
        local buyer = w:buyer()
        w:add(buyer, thing, quantity or 1)
        return buyer
    end

    local function body(code)
        return { shippingAddress = world.ADDRESS, couponCode = code }
    end

    local function place(buyer, code, status)
        return w:expect(status or 201, "POST", "/api/checkout", buyer, body(code))
    end

    local function amounts(order)
        local part = order.vendorOrders[1]
        return {
            order.subtotal.amount, order.discount.amount, order.total.amount,
            part.platformFee.amount, part.earnings.amount,
        }
    end

    it("borne by the platform leave the vendor what it would earn without", function()
        assert.same({ 10000, 500, 9500, 500, 9000 },
            amounts(place(shopper(), coupon({ percentBps = 500, bearer = "PLATFORM" }))))
    end)

    it("borne by the platform end where its fee does", function()
        assert.same({ 10000, 1000, 9000, 0, 9000 },
            amounts(place(shopper(), coupon({ percentBps = 5000, bearer = "PLATFORM" }))))
    end)

    it("borne by the vendor lower the base of the fee", function()
        assert.same({ 10000, 2000, 8000, 800, 7200 }, amounts(place(shopper(), coupon({
            amount = { amount = 2000, currency = "USD" }, bearer = "VENDOR",
        }))))
    end)

    it("are charged, split and refunded to the cent", function()
        local buyer = shopper(3)
        local order = place(buyer, coupon({ percentBps = 333, bearer = "VENDOR" }))
        local answer = w:pay(buyer, order)
        assert.equal(200, answer.status, answer.body)
        assert.equal(order.total.amount, answer.json.total.amount)
        for _ = 1, 3 do
            w:expect(202, "POST", ("/api/admin/orders/%s/refunds"):format(order.id), admin, {
                items = { { orderItemId = order.items[1].id, quantity = 1 } }, reason = "broken",
            })
        end
        assert.equal(order.total.amount, w.db:value(
            "select sum(amount_minor) from refunds where order_id = '" .. order.id .. "'"))
    end)

    it("refuse what they are not for, in words for the buyer", function()
        local cases = {
            { "NOSUCH", "is not known" },
            { coupon({ percentBps = 100, minimum = 99999 }), "worth less" },
            { coupon({ percentBps = 100, category = "boats" }), "nothing in the cart" },
            { coupon({ percentBps = 100, endsAt = "2020-01-01T00:00:00Z" }), "not valid now" },
        }
        for _, case in ipairs(cases) do
            local refused = place(shopper(), case[1], 409)
            assert.equal("plugin_refused", refused.code)
            assert.matches(case[2], refused.message, 1, true)
        end
    end)

    it("of which one use is left go to one of 50 buyers, and come back when that one cancels",
        function()
            local code = coupon({ percentBps = 500, limit = 1 })
            local buyers, entries = {}, {}
            for i = 1, RACERS do
                buyers[i] = shopper()
                entries[i] = w:prepared("POST", "/api/checkout", buyers[i], body(code))
            end
            local winner
            for i, answer in ipairs(client.parallel(entries)) do
                if answer.status == 201 then
                    assert.is_nil(winner, "two have used the last one")
                    winner = { buyer = buyers[i], order = answer.json }
                else
                    assert.equal(409, answer.status, answer.body)
                    assert.matches("used up", answer.json.message, 1, true)
                end
            end
            assert.is_table(winner)
            place(shopper(), code, 409)
            w:expect(200, "POST", ("/api/orders/%s/cancel"):format(winner.order.id), winner.buyer,
                {})
            place(shopper(), code)
            place(shopper(), code, 409)
        end)

    it("count the uses of each buyer", function()
        local code = coupon({ percentBps = 500, limitPerBuyer = 1 })
        local buyer = shopper()
        place(buyer, code)
        w:add(buyer, thing, 1)
        assert.matches("as often as it may", place(buyer, code, 409).message, 1, true)
        place(shopper(), code)
    end)

    it("are made by administrators alone, and once", function()
        local code = coupon({ percentBps = 500 })
        w:expect(409, "POST", PATH, admin, { code = code, percentBps = 1 })
        w:expect(422, "POST", PATH, admin, { code = "BOTH" })
        w:expect(403, "POST", PATH, shopper(), { code = "MINE", percentBps = 10000 })
        w:expect(204, "PATCH", PATH .. "/" .. code, admin, { isActive = false })
        place(shopper(), code, 409)
    end)
end)
