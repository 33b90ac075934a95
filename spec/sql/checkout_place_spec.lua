--- Many orders in one statement: each as it would be alone, in the order in which they stand.
local fixture = require("spec.sql.fixture")

local A, B = "00000000-0000-4000-8003-000000000001", "00000000-0000-4000-8003-000000000002"
local PRICES = { [A] = 6000, [B] = 4000 }
local BUYERS = 24

local MORE_BUYERS = [[
insert into users (id, email, password_hash, name, role)
select ('00000000-0000-4000-8000-0000000001' || lpad(g::text, 2, '0'))::uuid,
    'b' || g || '@souk.test', '$2x', 'b' || g, 'BUYER' from generate_series(1, %d) as g;
insert into buyers (id, user_id)
select ('00000000-0000-4000-8002-0000000001' || lpad(g::text, 2, '0'))::uuid,
    ('00000000-0000-4000-8000-0000000001' || lpad(g::text, 2, '0'))::uuid
from generate_series(1, %d) as g;
insert into carts (id, buyer_id) select id, id from buyers;
]]

local function buyer(number)
    return ("00000000-0000-4000-8002-0000000001%02d"):format(number)
end

local function vendor(product)
    return (product:gsub("8003", "8001"))
end

local made = 0

local function id()
    made = made + 1
    return ("20000000-0000-4000-8000-%012d"):format(made)
end

local TYPES = {
    "uuid", "uuid", "text", "bigint", "bigint", "bigint", "bigint", "jsonb", "text", "integer",
    "uuid", "uuid", "uuid", "text", "bigint", "bigint", "text", "text", "jsonb", "bigint",
    "uuid", "uuid", "uuid", "uuid", "uuid", "uuid", "text", "bigint", "integer", "bigint",
    "uuid", "uuid", "integer", "text", "bigint",
    "uuid", "uuid", "integer", "text", "text", "text", "bigint",
}

local function columns()
    local all = {}
    for i = 1, #TYPES do
        all[i] = {}
    end
    return all
end

--- Puts values into the columns from first on.
local function add(all, first, ...)
    for i, value in ipairs({ ... }) do
        table.insert(all[first + i - 1], "'" .. tostring(value) .. "'")
    end
end

--- order: {buyer, lines = {{product, quantity, price}, …}}.
local function add_order(all, order)
    local order_id, total = id(), 0
    for _, line in ipairs(order.lines) do
        local product, quantity = line[1], line[2]
        local price, part = line[3] or PRICES[product], id()
        local sum = price * quantity
        total = total + sum
        add(all, 11, part, order_id, vendor(product), "USD", sum, 0, "v", "", "{}", 0)
        add(all, 21, id(), order_id, buyer(order.buyer), part, vendor(product), product, "Thing",
            price, quantity, 0)
        add(all, 31, order_id, part, 1, "commission", 0)
    end
    add(all, 1, order_id, buyer(order.buyer), "USD", total, 0, 0, 0, "{}", "", 60)
    return order_id
end

local function statement_of(orders)
    local all, arrays = columns(), {}
    for _, order in ipairs(orders) do
        order.id = add_order(all, order)
    end
    for i, column in ipairs(all) do
        arrays[i] = ("array[%s]::%s[]"):format(table.concat(column, ","), TYPES[i])
    end
    return "select coalesce(refusal, 'made'), details->0->>'available', number from checkout_place("
        .. table.concat(arrays, ", ") .. ")"
end

describe("checkout_place", function()
    local f

    setup(function()
        f = fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
        f.db:query(MORE_BUYERS:format(BUYERS, BUYERS))
    end)

    after_each(function()
        assert.equal(0, f:violations())
    end)

    --- Their carts hold what they order.
    local function fill(orders)
        local texts = {}
        for _, order in ipairs(orders) do
            for _, line in ipairs(order.lines) do
                texts[#texts + 1] = ("insert into cart_items (cart_id, product_id, quantity, "
                    .. "seen_price_minor) values ('%s', '%s', %d, 1);")
                    :format(buyer(order.buyer), line[1], line[2])
            end
        end
        f.db:query(table.concat(texts))
        return orders
    end

    --- What became of each: "made", or the refusal, with the first line's available.
    local function place(orders)
        local outcomes = {}
        for i, row in ipairs(f.db:query(statement_of(orders))) do
            outcomes[i] = row[1] .. (row[2] ~= "" and " " .. row[2] or "")
        end
        return outcomes
    end

    local function one(number, quantity, product, price)
        return { buyer = number, lines = { { product or A, quantity, price } } }
    end

    local function carts()
        return f.db:value("select count(*) from cart_items")
    end

    it("makes all orders of all carts, and empties the carts", function()
        assert.same({ "made", "made", "made" }, place(fill({
            one(1, 2), { buyer = 2, lines = { { A, 1 }, { B, 3 } } }, one(3, 1),
        })))
        assert.same({ { 10, 4 }, { 10, 3 } }, { f:shelf(1), f:shelf(2) })
        assert.equal(0, carts())
        assert.equal(3, f.db:value(
            "select count(*) from outbox_events where type = 'order.created'"))
        assert.equal("012 021 023 031", f.db:value([[
            select string_agg(right(orders.buyer_id::text, 2) || order_items.quantity, ' '
                order by number, order_items.id)
            from orders inner join order_items on order_items.order_id = orders.id]]))
    end)

    it("refuses one that is short alone, and serves who comes after it", function()
        local orders = fill({ one(1, 4), one(2, 7), one(3, 6), one(4, 1) })
        assert.same({ "made", "SK410 6", "made", "SK410 0" }, place(orders))
        assert.same({ 10, 10 }, f:shelf(1))
        assert.equal(2, carts())
    end)

    it("gives what is there to those who came first, whole orders or nothing", function()
        local orders = {}
        for i = 1, 12 do
            orders[i] = one(i, i == 3 and 9 or 1)
        end
        local outcomes = place(fill(orders))
        assert.equal("SK410 8", outcomes[3])
        for i = 1, 12 do
            assert.equal(i == 3 and "SK410 8" or i == 12 and "SK410 0" or "made", outcomes[i])
        end
        assert.same({ 10, 10 }, f:shelf(1))
    end)

    it("keeps no line of an order whose other line is short", function()
        local orders = fill({
            { buyer = 1, lines = { { A, 5 }, { B, 11 } } }, { buyer = 2, lines = { { A, 10 } } },
        })
        assert.same({ "SK410 10", "made" }, place(orders))
        assert.same({ { 10, 10 }, { 10, 0 } }, { f:shelf(1), f:shelf(2) })
    end)

    it("refuses alone who reckoned with another price, dearer or cheaper", function()
        assert.same({ "made", "SK420", "made" },
            place(fill({ one(1, 1), one(2, 1, A, 5999), one(3, 1) })))
        assert.same({ "SK420", "made" }, place(fill({ one(4, 1, A, 6001), one(5, 1) })))
        assert.same({ 10, 3 }, f:shelf(1))
    end)

    it("refuses alone whose cart is another by now: more, less, or nothing", function()
        local orders = fill({ one(1, 1), one(2, 1), one(3, 1), one(4, 1), one(5, 1) })
        f.db:query("delete from cart_items where cart_id = '" .. buyer(2) .. "';"
            .. "update cart_items set quantity = 2 where cart_id = '" .. buyer(3) .. "';"
            .. "insert into cart_items (cart_id, product_id, quantity, seen_price_minor) values ('"
            .. buyer(4) .. "', '" .. B .. "', 1, 1)")
        assert.same({ "made", "SK421", "SK421", "SK421", "made" }, place(orders))
        assert.same({ 10, 2 }, f:shelf(1))
        assert.equal(3, carts())
    end)

    it("says of each what it would say of it alone", function()
        local wishes = { { 3 }, { 8 }, { 2, 5000 }, { 7 }, { 1 } }
        local function orders_from(first)
            local orders = {}
            for i, wish in ipairs(wishes) do
                orders[i] = one(first + i, wish[1], A, wish[2])
            end
            return orders
        end
        local together = place(fill(orders_from(0)))
        f.db:query("delete from cart_items; delete from outbox_events; delete from fee_lines;"
            .. "delete from order_items; delete from vendor_orders; delete from orders;"
            .. "update product_stock set reserved = 0")
        local alone = {}
        for i, order in ipairs(fill(orders_from(10))) do
            alone[i] = place({ order })[1]
        end
        assert.same({ "made", "SK410 7", "SK420", "made", "SK410 0" }, together)
        assert.same(together, alone)
    end)

    it("fails as a whole, and changes nothing, when an order breaks a rule of its table", function()
        local orders = fill({ one(1, 1), one(2, 1) })
        local is_ok = f.db:try((statement_of(orders):gsub("'USD'", "'usd'", 1)))
        assert.is_false(is_ok)
        assert.same({ 10, 0 }, f:shelf(1))
        assert.equal(2, carts())
    end)

    it("lets no line name a vendor order that is another order's or another vendor's", function()
        assert.same({ "made", "made" }, place(fill({
            { buyer = 1, lines = { { A, 1 }, { B, 1 } } }, one(2, 1),
        })))
        for _, change in ipairs({
            "order_id = (select max(id::text)::uuid from orders)",
            "vendor_order_id = (select vendor_orders.id from vendor_orders "
                .. "where vendor_orders.vendor_id <> order_items.vendor_id limit 1)",
            "vendor_id = '" .. vendor(A) .. "'",
            "vendor_order_id = uuid_v7()",
        }) do
            local is_ok, problem = f.db:try("update order_items set " .. change
                .. " where product_id = '" .. B .. "'")
            assert.is_false(is_ok, change)
            assert.truthy(problem:find("order_items_vendor_order_fkey", 1, true), problem)
        end
    end)

    it("neither deadlocks nor oversells when flights overlap, in any order of their lines",
        function()
            local texts, number = {}, 0
            for i = 1, 12 do
                local orders = {}
                for _, lines in ipairs({ { { A, 1 }, { B, 1 } }, { { B, 1 }, { A, 1 } } }) do
                    number = number + 1
                    orders[#orders + 1] = { buyer = number, lines = lines }
                end
                assert.equal(2 * i, number)
                fill(orders)
                texts[i] = statement_of(orders) .. ";"
            end
            local count, problems = f:together(texts, 12)
            assert.equal(12, count, problems)
            assert.same({ { 10, 10 }, { 10, 10 } }, { f:shelf(1), f:shelf(2) })
            assert.equal(10, f.db:value("select count(*) from orders"))
        end)
end)
