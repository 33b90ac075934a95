--- One product that everybody wants: gathered orders are as whole, as durable and as fair as single
--- ones, whatever dies meanwhile.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local socket = require("socket")
local world = require("spec.support.world")

local CLIENTS = 64

describe("a hot product", function()
    local w, shop, buyers

    setup(function()
        w = world.start({ set = { ["auth.bcrypt_cost"] = 4 } })
        shop = w:vendor()
        local entries = {}
        for i = 1, CLIENTS do
            entries[i] = function()
                return w:buyer()
            end
        end
        buyers = client.parallel(entries)
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function fill(product, quantity)
        local entries = {}
        for i, buyer in ipairs(buyers) do
            entries[i] = w:prepared("POST", "/api/cart/items", buyer,
                { productId = product.id, quantity = quantity or 1 })
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(201, answer.status, answer.body)
        end
    end

    --- All press at once; meanwhile() in the middle. Answers, and how many had which status.
    local function press(meanwhile)
        local entries, count_of = {}, {}
        for i, buyer in ipairs(buyers) do
            entries[i] = w:prepared("POST", "/api/checkout", buyer,
                { shippingAddress = world.ADDRESS })
        end
        entries[#entries + 1] = meanwhile
        local answers = client.parallel(entries)
        answers[CLIENTS + 1] = nil
        for _, answer in ipairs(answers) do
            count_of[answer.status] = (count_of[answer.status] or 0) + 1
        end
        return count_of, answers
    end

    local function orders_of(product, what)
        return w.db:value(("select count(%s) from orders inner join order_items "
            .. "on order_items.order_id = orders.id where product_id = '%s'"):format(
            what or "*", product.id))
    end

    it("is sold as often as it is there, in fewer transactions than orders", function()
        local lamp = w:product(shop, { stock = 100 })
        fill(lamp)
        w.db:query("update product_stock set stock = 40 where product_id = '" .. lamp.id .. "'")
        -- Nobody gets one before all have come, however slowly they do.
        local shelf = w.db:hold("select from product_stock where product_id = '" .. lamp.id
            .. "' for update")
        local count_of, answers = press(function()
            local ends_s = socket.gettime() + 20
            repeat
                local metrics = client.request({ port = w.server.metrics_port, path = "/metrics" })
                local count = tonumber(metrics.body:match("\nhttp_inflight_requests (%d+)"))
            until count >= CLIENTS or socket.gettime() > ends_s
            shelf.release()
        end)
        assert.same({ [201] = 40, [409] = CLIENTS - 40 }, count_of)
        for _, answer in ipairs(answers) do
            if answer.status == 409 then
                local line = answer.json.details[1]
                assert.same({ "insufficient_stock", lamp.id, 1, 0, "1 wanted, 0 available" }, {
                    answer.json.code, line.productId, line.requested, line.available, line.message,
                })
            end
        end
        assert.same({ 40, 40 }, { w:stock(shop, lamp) })
        assert.equal(40, orders_of(lamp))
        assert.is_true(orders_of(lamp, "distinct orders.created_at") < 30)
        w:assert_invariants()
    end)

    it("gives whole orders or nothing when carts want several", function()
        local lamp = w:product(shop, { stock = 1000 })
        fill(lamp, 7)
        w.db:query("update product_stock set stock = 100 where product_id = '" .. lamp.id .. "'")
        local count_of = press()
        assert.same({ [201] = 14, [409] = CLIENTS - 14 }, count_of)
        assert.same({ 100, 98 }, { w:stock(shop, lamp) })
        w:request("DELETE", "/api/cart", buyers[1])
    end)

    it("loses no order that was answered when a worker is killed in the middle", function()
        for round = 1, 3 do
            local victim
            local lamp = w:product(shop, { stock = 1000 })
            for _, buyer in ipairs(buyers) do
                w:request("DELETE", "/api/cart", buyer)
            end
            fill(lamp)
            local _, answers = press(function()
                for _ = 1, round do
                    w:request("GET", "/health")
                end
                victim = w.server:workers()[1]
                w.server:signal("KILL", victim)
            end)
            local made = 0
            for i, answer in ipairs(answers) do
                if answer.status == 201 then
                    made = made + 1
                    assert.equal(answer.json.id, w.db:value("select id from orders where id = '"
                        .. answer.json.id .. "' and buyer_id = '" .. buyers[i].buyer_id .. "'"))
                end
            end
            shell.wait_until("two workers", 20, function()
                local pids = w.server:workers()
                return #pids == 2 and pids[1] ~= victim and pids[2] ~= victim
                    and w:request("GET", "/ready").status == 200
            end)
            -- PostgreSQL ends what the worker had begun.
            shell.wait_until("the end of all transactions", 20, function()
                return w.db:value("select count(*) from pg_stat_activity where datname = "
                    .. "current_database() and state <> 'idle' and pid <> pg_backend_pid()") == 0
            end)
            assert.equal(orders_of(lamp), orders_of(lamp, "distinct orders.buyer_id"))
            assert.is_true(orders_of(lamp) >= made)
            local _, reserved = w:stock(shop, lamp)
            assert.equal(orders_of(lamp), reserved)
            w:assert_invariants()
        end
    end)

    it("is made a transaction each for buyers who come one by one", function()
        local lamp = w:product(shop, { stock = 100 })
        for i = 1, 5 do
            w:request("DELETE", "/api/cart", buyers[i])
            w:add(buyers[i], lamp)
        end
        for i = 1, 5 do
            w:checkout(buyers[i])
        end
        assert.equal(5, orders_of(lamp, "distinct orders.created_at"))
    end)
end)
