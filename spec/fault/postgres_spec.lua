--- PostgreSQL goes away and comes back: requests are refused at once, nothing has to be restarted.
local client = require("spec.support.client")
local cluster = require("spec.core.db.cluster")
local database = require("spec.support.database")
local shell = require("spec.support.shell")
local socket = require("socket")
local world = require("spec.support.world")

describe("while PostgreSQL is away", function()
    local w, pg, buyer, shop, lamp, pid

    --- Whether every worker serves: each connection goes to one by the kernel's choice.
    local function is_serving()
        local entries = {}
        for i = 1, 24 do
            entries[i] = w:prepared("GET", i % 2 == 0 and "/ready" or "/api/cart", buyer)
        end
        return client.all_ok(entries)
    end

    setup(function()
        pg = cluster.start()
        w = world.start({ db = database.migrated(pg.url), set = {
            ["db.wait_max_ms"] = 800, ["http.request_timeout_ms"] = 60000,
        } })
        shop, buyer = w:vendor(), w:buyer()
        lamp = w:product(shop, { stock = 1000 })
        w:add(buyer, lamp)
        pid = w.server.pid
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
        pg:remove()
    end)

    it("answers 503 with Retry-After in time, stays alive, and recovers by itself", function()
        for _, mode in ipairs({ "immediate", "fast" }) do
            pg:down(mode)
            local paths = { "/api/products", "/api/products/" .. lamp.id, "/api/cart",
                "/api/vendors" }
            local entries = {}
            for i = 1, 40 do
                entries[i] = w:prepared("GET", paths[i % #paths + 1], buyer)
            end
            local began_s = socket.gettime()
            for _, answer in ipairs(client.parallel(entries)) do
                assert.equal(503, answer.status, answer.body)
                assert.equal("database_unavailable", answer.json.code)
                assert.is_true(tonumber(answer.headers["retry-after"]) >= 1)
            end
            assert.is_true(socket.gettime() - began_s < 30)
            assert.equal(200, w:request("GET", "/health").status)
            assert.equal(503, w:request("GET", "/ready").status)
            pg:up()
            shell.wait_until("the server's recovery", 30, is_serving)
            assert.equal(200, w:request("GET", "/ready").status)
        end
        assert.equal(pid, w.server.pid)
        assert.is_nil(w.server:exit_code())
    end)

    it("makes no order of a checkout that it refused, and one of its repeat", function()
        pg:down("immediate")
        local key = { ["Idempotency-Key"] = "again-and-again" }
        local body = { shippingAddress = world.ADDRESS }
        assert.equal(503, w:request("POST", "/api/checkout", buyer, body, key).status)
        pg:up()
        shell.wait_until("the server's recovery", 30, is_serving)
        local order = w:checkout(buyer, key)
        assert.equal(order.id, w:checkout(buyer, key).id)
        assert.equal(1, #w:expect(200, "GET", "/api/orders", buyer).data)
    end)

    it("keeps what it has acknowledged when the connections are cut under load", function()
        local buyers, acknowledged = {}, 0
        for i = 1, 20 do
            buyers[i] = w:buyer()
        end
        local is_done = false
        local entries = {}
        for i, who in ipairs(buyers) do
            entries[i] = function()
                for _ = 1, 5 do
                    local added = w:request("POST", "/api/cart/items", who,
                        { productId = lamp.id, quantity = 1 })
                    local placed = added.status == 201 and w:request("POST", "/api/checkout", who,
                        { shippingAddress = world.ADDRESS })
                    if placed and placed.status == 201 then
                        acknowledged = acknowledged + 1
                    end
                    assert.is_true(added.status == 201 or added.status == 503, added.body)
                end
                is_done = true
            end
        end
        entries[#entries + 1] = function()
            while not is_done do
                w:request("GET", "/health")
                pg:psql("select pg_terminate_backend(pid) from pg_stat_activity "
                    .. "where pid <> pg_backend_pid() and backend_type = 'client backend' "
                    .. "order by random() limit 2")
            end
        end
        client.parallel(entries)
        shell.wait_until("the server's recovery", 30, is_serving)
        assert.is_true(acknowledged > 0)
        assert.is_true(w.db:value("select count(*) from orders") >= acknowledged)
    end)
end)
