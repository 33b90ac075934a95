local cluster = require("spec.core.db.cluster")
local db = require("core.db")
local lab = require("spec.core.db.lab")
local parallel = require("core.parallel")
local sleep = require("core.sleep")
local socket = require("socket")

describe("a pool whose server fails", function()
    local server, one, add, count

    setup(function()
        server = cluster.start("max_connections = 20\nsuperuser_reserved_connections = 3")
        server:psql("create table notes (id bigserial primary key, text text)")
        one = lab.query("select 1 as n")
        add = lab.query("insert into notes (text) values ($1)")
        count = lab.query("select count(*) as n from notes where text = $1")
    end)
    teardown(function()
        server:remove()
    end)
    after_each(lab.disconnect)

    --- Reads and writes from n coroutines until stop() is true. Counts answers by code and
    -- acknowledged writes, and times the slowest answer.
    local function load(n, text, stop)
        local seen = { ok = 0, added = 0, slowest_ms = 0, unknown = 0 }
        lab.together(n, function(i)
            while not stop() do
                local began_s = socket.gettime()
                local value, err
                if i % 2 == 0 then
                    value, err = db.one(one)
                else
                    value, err = db.exec(add, text)
                    seen.added = seen.added + (value or 0)
                    local is_unknown = err and err.code == "outcome_unknown"
                    seen.unknown = seen.unknown + (is_unknown and 1 or 0)
                end
                local code = value and "ok" or err.code
                seen[code] = (seen[code] or 0) + 1
                seen.slowest_ms = math.max(seen.slowest_ms, (socket.gettime() - began_s) * 1000)
                sleep(err and 5 or 1)
            end
        end)
        return seen
    end

    local function stored_notes(text)
        return lab.eventually("reads work", 3000, function()
            return db.one(count, text)
        end).n
    end

    local function for_ms(ms)
        local until_s = socket.gettime() + ms / 1000
        return function()
            return socket.gettime() > until_s
        end
    end

    it("answers at once that the database is away, and works again within 3 s after a "
        .. "restart", function()
        lab.connect({ url = server.url })
        assert(db.one(one))
        server:down("immediate")
        sleep(150)
        for _ = 1, 20 do
            local row, err, written, refusal
            local took_ms = lab.took_ms(function()
                row, err = db.one(one)
                written, refusal = db.exec(add, "away")
            end)
            assert.is_nil(row)
            assert.equal("database_unavailable", err.code)
            assert.is_nil(written)
            assert.equal("database_unavailable", refusal.code)
            assert.is_true(took_ms < 900, took_ms .. " ms")
            sleep(20)
        end
        assert.is_false(db.ready())
        server:up()
        lab.eventually("reads and writes work", 3000, function()
            return db.one(one) and db.exec(add, "back")
        end)
        lab.eventually("all connections are back", 3000, function()
            local stats = db.spec.stats()
            return stats.readers_connected == 2 and stats.writers_connected == 2
        end)
        assert.is_true(db.ready())
        assert.equal(0, db.one(count, "away").n)
    end)

    it("loses no acknowledged write when it is stopped under load", function()
        lab.connect({ url = server.url, writers = 4 })
        local ended = false
        local results = parallel(function()
            return load(16, "restart", function() return ended end)
        end, function()
            sleep(300)
            server:down("immediate")
            sleep(300)
            server:up()
            sleep(1500)
            ended = true
            return true
        end)
        local seen = assert(results[1].value, tostring(results[1].err))
        local stored = stored_notes("restart")
        assert.is_true(seen.ok > 10)
        assert.is_true(stored >= seen.added, stored .. " stored, " .. seen.added .. " acknowledged")
        assert.is_true(stored <= seen.added + seen.unknown)
        assert.is_nil(seen.internal)
    end)

    it("fails under one request in a hundred while random backends are terminated, and "
        .. "writes nothing twice", function()
        lab.connect({ url = server.url, writers = 4 })
        local kill = [[select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'souk' order by random() limit 1]]
        local is_done = for_ms(2500)
        local results = parallel(function()
            return load(16, "killed", is_done)
        end, function()
            while not is_done() do
                server:psql(kill)
                sleep(250)
            end
            return true
        end)
        local seen = assert(results[1].value, tostring(results[1].err))
        local failed = 0
        for code, times in pairs(seen) do
            if code ~= "ok" and code ~= "added" and code ~= "slowest_ms" and code ~= "unknown" then
                failed = failed + times
            end
        end
        assert.is_true(db.spec.stats().reconnected > 8)
        assert.is_true(failed < seen.ok / 100, failed .. " of " .. seen.ok)
        local stored = stored_notes("killed")
        assert.is_true(stored >= seen.added and stored <= seen.added + seen.unknown)
    end)

    it("gives up on a server that has gone silent, and comes back when it speaks again", function()
        lab.connect({ url = server.url, statement_timeout_ms = 300 })
        assert(db.one(one))
        server:signal("STOP")
        local row, err
        local took_ms = lab.took_ms(function()
            row, err = db.one(one)
        end)
        server:signal("CONT")
        assert.is_nil(row)
        assert.equal("database_unavailable", err.code)
        assert.is_true(took_ms < 20000, took_ms .. " ms")
        lab.eventually("reads work", 3000, function() return db.one(one) end)
    end)

    it("serves with the connections it got when the server has no more", function()
        db.spec.connect({ url = server.url, readers = 10, writers = 30 })
        sleep(1000)
        local stats = db.spec.stats()
        assert.is_true(stats.readers_connected + stats.writers_connected <= 20)
        for _ = 1, 50 do
            assert(db.one(one))
        end
        assert.is_true(db.spec.stats().reconnected <= 20)
    end)

    it("never gives half an answer as a whole one when the connection is reset in its "
        .. "midst", function()
        local proxy = lab.proxy(server.url)
        lab.connect({ url = proxy.url, readers = 1, writers = 1 })
        local many = lab.query([[select g as n, repeat('x', 100) as t
            from generate_series(1, 2000) g]])
        assert.equal(2000, #assert(db.query(many)))
        local before = db.spec.stats().retried
        proxy:command("cut 30000")
        local rows, err = db.query(many)
        assert.is_true(rows and #rows == 2000 or err.code == "database_unavailable")
        assert.is_true(db.spec.stats().retried > before)
        proxy:command("cut 30000")
        local written, refusal = db.exec(many)
        assert.is_nil(written)
        assert.equal("outcome_unknown", refusal.code)
        lab.disconnect()
        proxy:close()
    end)

    it("answers within its deadlines when the network swallows everything", function()
        local proxy = lab.proxy(server.url)
        lab.connect({ url = proxy.url, statement_timeout_ms = 300 })
        proxy:command("hold")
        local took_ms = lab.took_ms(function()
            local results = parallel(function()
                return db.one(one)
            end, function()
                return db.exec(add, "held")
            end)
            assert.equal("database_unavailable", results[1].err.code)
            assert.equal("outcome_unknown", results[2].err.code)
        end)
        assert.is_true(took_ms < 20000, took_ms .. " ms")
        lab.disconnect()
        proxy:close()
    end)

    it("keeps its queue bounded when every answer is late", function()
        local proxy = lab.proxy(server.url)
        lab.connect({ url = proxy.url, readers = 1, writers = 2, wait_max_ms = 300,
            waiters_max = 20 })
        proxy:command("delay 50")
        local seen = load(40, "late", for_ms(1500))
        assert.is_true(seen.ok > 5)
        assert.is_nil(seen.internal)
        assert.is_nil(seen.database_unavailable)
        assert.is_true(seen.slowest_ms < 20000, seen.slowest_ms .. " ms")
        proxy:command("delay 0")
        lab.disconnect()
        proxy:close()
    end)

    it("says that it is away when its connection string is of no use", function()
        db.spec.connect({ url = "no such thing" })
        sleep(20)
        local row, err = db.one(one)
        assert.is_nil(row)
        assert.equal("database_unavailable", err.code)
        assert.is_false(db.ready())
    end)
end)

describe("a leader", function()
    local server

    setup(function()
        server = cluster.start()
        lab.connect({ url = server.url, readers = 1, writers = 1 })
    end)
    teardown(function()
        lab.disconnect()
        server:remove()
    end)

    it("is one of all, until it closes or its session ends; then another follows", function()
        local first = db.spec.leader(42, 50)
        lab.eventually("the first leads", 2000, function() return first:is_leader() end)
        local second = db.spec.leader(42, 50)
        sleep(200)
        assert.is_false(second:is_leader())
        server:psql([[select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
            and granted]])
        lab.eventually("the first steps down", 2000, function() return not first:is_leader() end)
        lab.eventually("one of the two leads", 2000, function()
            return first:is_leader() or second:is_leader()
        end)
        for _ = 1, 20 do
            assert.is_false(first:is_leader() and second:is_leader())
            sleep(10)
        end
        local holder, other = first, second
        if second:is_leader() then
            holder, other = second, first
        end
        holder:close()
        lab.eventually("the other follows", 2000, function() return other:is_leader() end)
        other:close()
    end)

    it("does not disturb those of other keys", function()
        local a, b = db.spec.leader(1, 50), db.spec.leader(2, 50)
        lab.eventually("both lead", 2000, function() return a:is_leader() and b:is_leader() end)
        a:close()
        b:close()
    end)

    it("steps down when its server goes silent", function()
        local leader = db.spec.leader(43, 50)
        lab.eventually("it leads", 2000, function() return leader:is_leader() end)
        server:signal("STOP")
        local is_down = pcall(lab.eventually, "it steps down", 4000, function()
            return not leader:is_leader()
        end)
        server:signal("CONT")
        assert.is_true(is_down)
        lab.eventually("it leads again", 4000, function() return leader:is_leader() end)
        leader:close()
    end)
end)
