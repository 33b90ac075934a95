local client = require("spec.support.client")
local world = require("spec.support.world")

describe("/api/products/{id}/inventory", function()
    local w, vendor, product

    setup(function()
        w = world.start()
        vendor = w:vendor()
    end)
    teardown(function()
        w:stop()
    end)
    before_each(function()
        product = w:product(vendor, { stock = 10 })
    end)

    local function put(body, who)
        return w:request("PUT", "/api/products/" .. product.id .. "/inventory", who or vendor, body)
    end
    local function reserve(quantity)
        w.db:query(("update product_stock set reserved = %d where product_id = '%s'")
            :format(quantity, product.id))
    end
    local function moves(who)
        return w:request("GET", "/api/products/" .. product.id .. "/inventory", who or vendor)
    end

    it("PUT sets stock and leaves a movement with the difference", function()
        assert.equal(4, put({ stock = 4 }).json.stock)
        local list = moves().json.data
        assert.same({ "SET", -6, 4 }, { list[1].kind, list[1].delta, list[1].stockAfter })
        assert.equal("INITIAL", list[2].kind)
    end)
    it("PUT of what it is already leaves no movement", function()
        assert.equal(200, put({ stock = 10 }).status)
        assert.equal(1, #moves().json.data)
    end)
    it("PUT may go down to what is reserved, no further", function()
        reserve(3)
        local answer = put({ stock = 2 })
        assert.equal(409, answer.status)
        assert.equal("stock_below_reserved", answer.json.code)
        assert.equal(10, (w:stock(vendor, product)))
        assert.equal(200, put({ stock = 3 }).status)
    end)
    it("PUT with ifStock changes only that stock", function()
        local answer = put({ stock = 5, ifStock = 9 })
        assert.equal(409, answer.status)
        assert.equal("stock_changed", answer.json.code)
        assert.equal(200, put({ stock = 5, ifStock = 10 }).status)
    end)
    it("PUT with ifStock lets one of many at once through", function()
        local requests = {}
        for i = 1, 8 do
            requests[i] = w:prepared("PUT", "/api/products/" .. product.id .. "/inventory", vendor,
                { stock = 10 + i, ifStock = 10 })
        end
        local done = 0
        for _, answer in ipairs(client.parallel(requests)) do
            done = done + (answer.status == 200 and 1 or 0)
        end
        assert.equal(1, done)
    end)
    for _, wrong in ipairs({ "-1", "1.0", "1e2", '"3"', "1000000001", "null" }) do
        it("PUT refuses a stock of " .. wrong, function()
            assert.equal(422, put('{"stock":' .. wrong .. "}").status)
        end)
    end
    it("is its vendor's alone", function()
        local other = w:vendor()
        assert.equal(404, put({ stock = 1 }, other).status)
        assert.equal(404, moves(other).status)
        assert.equal(403, put({ stock = 1 }, w:buyer()).status)
        assert.equal(200, moves(w:admin()).status)
        assert.equal(10, (w:stock(vendor, product)))
    end)
    it("always adds up to the stock", function()
        for _, stock in ipairs({ 3, 12, 0, 7 }) do
            assert.equal(200, put({ stock = stock }).status)
        end
        assert.equal(7,
            w.db:value("select sum(delta) from inventory_movements where product_id = '"
            .. product.id .. "'"))
    end)
end)
