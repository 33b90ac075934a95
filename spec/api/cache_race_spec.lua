--- What is kept of the catalogue while reads are slow, transactions long, and the feed away. A gate
-- in the view of products holds a statement that has its snapshot already, so that each order of
-- events is made, not hoped for.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local CROWD = 20

describe("answers of the catalogue that are kept, under way", function()
    local w, shop, lamp, path

    local function metric(name)
        local page = client.request({ port = w.server.metrics_port, path = "/metrics" }).body
        return tonumber(page:match("\n" .. name .. " (%d+)")) or 0
    end

    --- Waits inside client.parallel, where others go on meanwhile.
    local function await(what, is_there, timeout_s)
        shell.wait_until(what, timeout_s or 20, function()
            client.request({ port = w.port, path = "/health" })
            return is_there()
        end)
    end

    local function price()
        return w:expect(200, "GET", path).price.amount
    end

    local function seen()
        local before = metric("souk_feed_reads_total")
        shell.wait_until("the server has looked at what others changed", 20, function()
            client.request({ port = w.port, path = "/api/vendors" })
            return metric("souk_feed_reads_total") >= before + 2
        end)
    end

    local function warm()
        local before = metric("souk_cache_hits_total")
        shell.wait_until("the answer is in memory", 20, function()
            price()
            return metric("souk_cache_hits_total") > before
        end)
    end

    local function set_gate(is_closed)
        w.db:query("update spec_gate set is_closed = " .. tostring(is_closed))
    end

    --- Statements that have their snapshot and wait before the gate.
    local function waiting()
        return w.db:value("select count(*) from pg_stat_activity where state = 'active' "
            .. "and wait_event = 'PgSleep' and query like '%product_public%'")
    end

    setup(function()
        w = world.start({ set = {
            ["cache.size_mb"] = 1, ["cache.stock_ms"] = 60000, ["http.workers"] = 1,
            ["db.statement_timeout_ms"] = 60000, ["http.request_timeout_ms"] = 60000,
        } })
        shop = w:vendor()
        w.db:query([[
            create table spec_gate (is_closed boolean not null);
            insert into spec_gate values (false);
            create function spec_wait() returns boolean language plpgsql volatile as $$
            begin
                while (select is_closed from spec_gate) loop
                    perform pg_sleep(0.005);
                end loop;
                return true;
            end;
            $$;
            alter view product_public rename to product_shown;
            create view product_public as select * from product_shown where spec_wait();
        ]])
    end)

    teardown(function()
        w:stop()
    end)

    before_each(function()
        lamp = w:product(shop, { price = 6000, stock = 10 })
        path = "/api/products/" .. lamp.id
    end)

    after_each(function()
        set_gate(false)
    end)

    --- So many ask at once for a product that nobody has asked for, all of them wait for the one
    --- who reads it, and meanwhile() is called. Their answers. Who asks while the server has not
    --- looked at others' changes for 100 ms reads by himself: another product is tried then.
    local function crowd(count, meanwhile)
        return shell.wait_until("a crowd that waits for one", 60, function()
            lamp = w:product(shop, { price = 6000, stock = 10 })
            path = "/api/products/" .. lamp.id
            seen()
            local waited, entries = metric("souk_cache_waited_total"), {}
            set_gate(true)
            for i = 1, count do
                entries[i] = w:prepared("GET", path, nil, nil,
                    { ["X-Request-Id"] = "crowd." .. i })
            end
            entries[count + 1] = function()
                local are_one = pcall(await, "all but one wait", function()
                    return metric("souk_cache_waited_total") == waited + count - 1
                end, 5)
                if are_one then
                    meanwhile()
                end
                set_gate(false)
                return are_one
            end
            local answers = client.parallel(entries)
            return answers[count + 1] and answers
        end)
    end

    it("are made by one of those who ask at once, for all of them", function()
        local answers = crowd(CROWD, function()
            await("it has one statement", function()
                return waiting() == 1
            end)
        end)
        for i = 1, CROWD do
            assert.same({ 200, "crowd." .. i, answers[1].body },
                { answers[i].status, answers[i].headers["x-request-id"], answers[i].body })
        end
    end)

    local function change_while_read()
        await("the read is under way", function()
            return waiting() == 1
        end)
        w:expect(200, "PATCH", path, shop, { price = { amount = 8000, currency = "USD" } })
    end

    it("do not hold what was read before a change", function()
        seen()
        set_gate(true)
        local answers = client.parallel({ w:prepared("GET", path), function()
            change_while_read()
            set_gate(false)
            return true
        end })
        assert.equal(6000, answers[1].json.price.amount) -- he asked before
        for _ = 1, 5 do
            assert.equal(8000, price())
        end
    end)

    it("are not what was read before a change for who asks after it", function()
        seen()
        set_gate(true)
        local answers = client.parallel({ w:prepared("GET", path), function()
            change_while_read()
            return client.parallel({ w:prepared("GET", path), function()
                await("both reads are under way", function()
                    return waiting() == 2
                end)
                set_gate(false)
                return true
            end })[1]
        end })
        assert.equal(6000, answers[1].json.price.amount)
        assert.equal(8000, answers[2].json.price.amount)
        assert.equal(8000, price())
    end)

    it("leave nobody waiting when the one who makes it fails, or leaves", function()
        local answers, failed = crowd(4, function()
            -- Between two naps it is not found.
            await("its end", function()
                return w.db:value("select pg_cancel_backend(pid) from pg_stat_activity "
                    .. "where state = 'active' and wait_event = 'PgSleep' "
                    .. "and query like '%product_public%'") == "t"
            end)
            await("the others ask by themselves", function()
                return waiting() >= 1
            end)
        end), 0
        for i = 1, 4 do
            failed = failed + (answers[i].status == 200 and 0 or 1)
        end
        assert.equal(1, failed)
    end)

    it("follow changes while a transaction is open for long, and its own after it", function()
        warm()
        local other = w:product(shop, { price = 100, stock = 1 })
        w.db:query("create table spec_end (at integer)")
        local home = w.server.home .. "/long"
        shell.must("mkdir -p " .. shell.quote(home))
        shell.background(home, ("psql -X -q -d %s -c %s"):format(shell.quote(w.db.url), shell.quote(
            "begin; update products set price_minor = 200 where id = '" .. other.id .. "'; "
            .. "do $$ begin while not exists (select from spec_end) loop perform pg_sleep(0.01); "
            .. "end loop; end $$; commit")))
        local function is_open()
            return w.db:value("select count(*) from pg_stat_activity where backend_xid is not null "
                .. "and query like '%spec_end%'") == 1
        end
        shell.wait_until("it is open", 20, is_open)
        w.db:query("update products set price_minor = 6100 where id = '" .. lamp.id .. "'")
        seen()
        assert.is_true(is_open())
        assert.equal(6100, price())
        path = "/api/products/" .. other.id
        warm()
        w.db:query("insert into spec_end values (1)")
        shell.wait_until("it has ended", 20, function()
            return not is_open()
        end)
        seen()
        assert.equal(200, price())
    end)

    it("are not given out when nothing is known of what others change", function()
        warm()
        w.db:query("alter table feed_changes rename to feed_away")
        shell.wait_until("the feed is behind", 20, function()
            price()
            return metric("souk_feed_lag_ms") > 100
        end)
        w.db:query("set session_replication_role = replica; " -- no trigger tells of it
            .. "update products set price_minor = 6200 where id = '" .. lamp.id .. "'")
        assert.equal(6200, price())
        w.db:query("alter table feed_away rename to feed_changes")
        warm()
        assert.equal(6200, price())
    end)

    it("take no more memory than they may", function()
        local evictions, asked = metric("souk_cache_evictions_total"), 9000
        w:product(shop, { description = ("long "):rep(4000) })
        shell.wait_until("something has to go", 60, function()
            for _ = 1, 80 do
                asked = asked + 1
                client.request({ port = w.port, path = "/api/products?maxPrice=" .. asked })
            end
            return metric("souk_cache_evictions_total") > evictions
        end)
        assert.is_true(metric("souk_cache_bytes") <= 1048576)
    end)

    it("end in time for the units left; sold out, and back, at once", function()
        local function available(reserved)
            w.db:query(("update product_stock set reserved = %d where product_id = '%s'"):format(
                reserved, lamp.id))
            seen()
            return w:expect(200, "GET", path).available
        end
        -- Until cache.stock_ms is over, or the server has not looked at others' changes for 100 ms.
        shell.wait_until("what is left is as it was", 60, function()
            lamp = w:product(shop, { price = 6000, stock = 10 })
            path = "/api/products/" .. lamp.id
            warm()
            return available(4) == 10
        end)
        assert.equal(0, available(10))
        assert.equal(3, available(7))
    end)
end)
