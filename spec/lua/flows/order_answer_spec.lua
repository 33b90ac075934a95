local json = require("core.json")
local order_answer = require("flows.order_answer")

local ROW = {
    number = "S00000007", created_at = "2026-11-23T10:00:00.000Z",
    expires_at = "2026-11-23T10:15:00.000Z",
}

local function item(number, fields)
    local made = {
        id = ("01a20000-0000-7000-8000-%012x"):format(number), vendor_id = "vendor",
        product_id = "product", name = "Thing", price = 100, quantity = 1, total = 100,
        discount = 0, shares = {},
    }
    for name, value in pairs(fields or {}) do
        made[name] = value
    end
    return made
end

local function order(items, fields)
    local made = {
        id = "order", currency = "EUR", subtotal = 200, discount = 0, shipping = 0, total = 200,
        address_text = '{"city":"Lisbon"}', note = json.null, discount_rows = {},
        parts = { {
            id = "part", vendor_id = "vendor", items = items, subtotal = 200, shipping = 0,
            fee_amount = 20, fee_version = "abc",
            fee = { lines = { { name = "commission", amount = 20 } } },
        } },
    }
    for name, value in pairs(fields or {}) do
        made[name] = value
    end
    return made
end

local function read(given)
    local text = order_answer.text(given, ROW)
    return json.decode(text), text
end

describe("order_answer", function()
    it("writes members in the order that the encoder has", function()
        local value, text = read(order({ item(1), item(2, { name = 'a "b" \\ é\n' }) }))
        for _, list in ipairs({ value.items, value.vendorOrders, value.vendorOrders[1].items,
            value.vendorOrders[1].feeLines }) do
            json.array(list)
        end
        json.array(value.discounts)
        assert.equal(json.encode(value), text)
        assert.equal('a "b" \\ é\n', value.items[2].name)
    end)

    it("says of a part what its vendor earns, and of its lines what the order says", function()
        local value = read(order({ item(1), item(2) }))
        local part = value.vendorOrders[1]
        assert.same({ { amount = 180, currency = "EUR" }, { amount = 20, currency = "EUR" } },
            { part.earnings, part.platformFee })
        assert.same(value.items, part.items)
        assert.same({ value.createdAt, value.shippingAddress },
            { part.updatedAt, part.shippingAddress })
    end)

    it("writes the largest amounts whole", function()
        local value, text = read(order({ item(1, { total = 1e12, price = 1e12 }) },
            { total = 1e12, subtotal = 999999999999 }))
        assert.equal(1e12, value.total.amount)
        assert.is_truthy(text:find('"total":{"amount":1000000000000,', 1, true))
        assert.is_truthy(text:find('"subtotal":{"amount":999999999999,', 1, true))
    end)

    it("lists what was taken off, and the note", function()
        local value = read(order({ item(1) }, {
            note = "ring", discount_rows = { { name = "ten", bearer = "VENDOR", amount = 5 } },
        }))
        assert.same({ { name = "ten", bearer = "VENDOR",
            amount = { amount = 5, currency = "EUR" } } }, value.discounts)
        assert.equal("ring", value.note)
    end)
end)
