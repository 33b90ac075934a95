--- Stock moves as domain.md's table says, all lines or none, whatever comes at once.
local fixture = require("spec.sql.fixture")

local A, B = "00000000-0000-4000-8003-000000000001", "00000000-0000-4000-8003-000000000002"

local function reserve(quantity_a, quantity_b, price_a)
    return ("select stock_reserve(array['%s', '%s']::uuid[], array[%d, %d], array[%d, 4000])")
        :format(A, B, quantity_a, quantity_b, price_a or 6000)
end

describe("stock", function()
    local f

    setup(function()
        f = fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
    end)

    it("is reserved by an order and neither sold nor free", function()
        f:order()
        assert.same({ 10, 1 }, f:shelf(1))
    end)

    it("leaves the shelf when the order is paid", function()
        f:paid()
        assert.same({ 9, 0 }, f:shelf(1))
        assert.equal(-1, f.db:value("select sum(delta) from inventory_movements "
            .. "where product_id = '" .. A .. "' and kind = 'SOLD'"))
    end)

    it("is free again when the order is released", function()
        local id = f:order()
        f.db:query("update payments set status = 'CANCELLED'")
        f.db:query("select order_release('" .. id .. "', 'EXPIRED', 'spec')")
        assert.same({ 10, 0 }, f:shelf(1))
    end)

    it("is back on the shelf when a paid part is cancelled", function()
        local id = f:paid()
        f.db:query(("select order_cancel_paid('%s', array['%s']::uuid[], 'VENDOR_CANCEL', "
            .. "'x', null)"):format(id, f:part(id, 1)))
        assert.same({ 10, 0 }, f:shelf(1))
        assert.same({ 9, 0 }, f:shelf(2))
        assert.equal(0, f:violations())
    end)

    it("is reserved for all lines or none, and the short line is named", function()
        local ok, message = f.db:try(reserve(1, 11))
        assert.is_false(ok)
        assert.truthy(message:find("Insufficient stock", 1, true))
        assert.truthy(message:find('"requested": 11', 1, true))
        assert.is_nil(message:find(A, 1, true))
        assert.same({ 10, 0 }, f:shelf(1))
    end)

    it("adds up the quantities of one product", function()
        local twice = "select stock_reserve(array['%s', '%s']::uuid[], array[6, %d])"
        assert.is_false(f.db:try(twice:format(A, A, 5)))
        assert.is_true(f.db:try(twice:format(A, A, 4)))
        assert.same({ 10, 10 }, f:shelf(1))
    end)

    it("is not reserved at a price that is no longer true", function()
        local ok, message = f.db:try(reserve(1, 1, 5999))
        assert.is_false(ok)
        assert.truthy(message:find('"expected": 5999', 1, true))
        assert.same({ 10, 0 }, f:shelf(2))
    end)

    it("is not reserved when it is not for sale", function()
        f.db:query("update vendors set status = 'SUSPENDED' where slug = 'shop-1'")
        assert.is_false(f.db:try(reserve(1, 1)))
        f.db:query("update vendors set status = 'ACTIVE'")
        f.db:query("update products set status = 'UNPUBLISHED' where slug = 'thing-2'")
        assert.is_false(f.db:try(reserve(1, 1)))
    end)

    it("cannot be reserved beyond what is there, not even by hand", function()
        local ok, message = f.db:try("update product_stock set reserved = stock + 1")
        assert.is_false(ok)
        assert.truthy(message:find("product_stock_reserved_within_stock", 1, true))
        assert.is_false(f.db:try("update product_stock set reserved = -1"))
    end)

    it("is sold ten times and not once more when 40 sessions want it in either order", function()
        local texts = {}
        for i = 1, 40 do
            local first, second = A, B
            if i % 2 == 0 then
                first, second = B, A
            end
            texts[i] = ("select stock_reserve(array['%s', '%s']::uuid[], array[1, 1]);")
                :format(first, second)
        end
        local count, problems = f:together(texts, 16)
        assert.equal(10, count)
        assert.is_nil(problems:find("deadlock", 1, true))
        assert.same({ 10, 10 }, f:shelf(1))
        assert.same({ 10, 10 }, f:shelf(2))
    end)
end)
