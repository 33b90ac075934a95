local db = require("core.db")
local lab = require("spec.core.db.lab")
local parallel = require("core.parallel")
local sleep = require("core.sleep")
local spec_database = require("spec.support.database")

describe("transactions", function()
    local add, count, bad, total

    setup(function()
        lab.exec("create table notes (id int primary key, text text)")
        lab.exec("create table counters (id int primary key, n int not null)")
        lab.exec("insert into counters select g, 0 from generate_series(1, 10) g")
        add = lab.query("insert into notes values ($1, $2)")
        count = lab.query("select count(*) as n from notes where text = $1")
        bad = lab.query("select 1 / (0 * $1::int) as n")
        total = lab.query("select sum(n) as n from counters")
    end)
    after_each(lab.disconnect)

    local function notes(text)
        return assert(db.one(count, text)).n
    end

    describe("of many steps", function()
        it("are seen by others after the commit only, by themselves at once", function()
            assert(db.begin())
            assert.is_true(db.in_tx())
            assert.equal(1, assert(db.exec(add, 1, "own")))
            assert.equal(1, notes("own"))
            assert.equal(0, parallel(function() return notes("own") end)[1].value)
            assert(db.commit())
            assert.is_false(db.in_tx())
            assert.equal(1, notes("own"))
        end)

        it("leave nothing after a rollback, and their connection to others", function()
            lab.connect({ readers = 1, writers = 1 })
            for i = 1, 20 do
                assert(db.begin())
                assert(db.exec(add, 100 + i, "undone"))
                db.rollback()
                assert.is_false(db.in_tx())
            end
            assert.equal(0, notes("undone"))
            assert.equal(0, db.spec.stats().writers_busy)
        end)

        it("refuse all that follows a failed statement, and run none of it elsewhere", function()
            assert(db.begin())
            assert(db.exec(add, 200, "half"))
            local _, err = db.one(bad, 1)
            assert.equal("internal", err.code)
            assert.is_true(db.in_tx())
            local affected, refusal = db.exec(add, 201, "half")
            assert.is_nil(affected)
            assert.equal("internal", refusal.code)
            local done, why = db.commit()
            assert.is_nil(done)
            assert.equal("internal", why.code)
            assert.is_false(db.in_tx())
            assert.equal(0, notes("half"))
        end)

        it("may commit without a statement, and cost no trip then", function()
            local proxy = lab.proxy()
            lab.connect({ url = proxy.url, readers = 1, writers = 1 })
            sleep(20)
            local before = proxy:command("trips")
            assert(db.begin())
            assert(db.commit())
            assert.equal(before, proxy:command("trips"))
            lab.disconnect()
            proxy:close()
        end)

        it("send BEGIN with their first statement", function()
            local proxy = lab.proxy()
            lab.connect({ url = proxy.url, readers = 1, writers = 1 })
            assert(db.exec(add, 300, "trips"))
            local before = proxy:command("trips")
            assert(db.begin())
            assert(db.exec(add, 301, "trips"))
            assert.equal(1, proxy:command("trips") - before)
            assert(db.commit())
            assert.equal(2, proxy:command("trips") - before)
            lab.disconnect()
            proxy:close()
        end)

        it("are rolled back when their coroutine ends without having closed them", function()
            local results = parallel(function()
                assert(db.begin())
                assert(db.exec(add, 400, "forgotten"))
                return true
            end)
            assert.is_true(results[1].value)
            assert.equal(0, notes("forgotten"))
        end)

        it("cannot be begun twice, nor committed when there is none", function()
            assert(db.begin())
            assert.has_error(db.begin, "db.begin: this coroutine is in a transaction")
            db.rollback()
            assert.has_error(db.commit, "db.commit: this coroutine is in no transaction")
            db.rollback()
        end)

        it("do not disturb each other", function()
            lab.connect({ readers = 2, writers = 4 })
            local bump = lab.query("update counters set n = n + 1 where id = $1")
            local before = db.one(total).n
            lab.together(32, function(i)
                for k = 1, 10 do
                    assert(lab.tx(function()
                        assert(db.exec(bump, (i + k) % 5 + 1))
                        return db.exec(bump, (i + k) % 5 + 6)
                    end))
                end
            end)
            assert.equal(before + 640, db.one(total).n)
        end)

        it("end with lock_timeout when a row stays locked", function()
            lab.connect({ readers = 1, writers = 2, lock_timeout_ms = 100 })
            local bump = lab.query("update counters set n = n + 1 where id = 1")
            assert(db.begin())
            assert(db.exec(bump))
            local result = parallel(function() return db.exec(bump) end)[1]
            assert.is_nil(result.value)
            assert.equal("busy", result.err.code)
            db.rollback()
        end)

        it("are refused as busy when no writer is free within wait_max", function()
            lab.connect({ readers = 1, writers = 1, wait_max_ms = 150 })
            assert(db.begin())
            local result
            local took_ms = lab.took_ms(function()
                result = parallel(function() return db.begin() end)[1]
            end)
            assert.equal("busy", result.err.code)
            assert.is_true(took_ms >= 140 and took_ms < 20000, took_ms .. " ms")
            db.rollback()
            assert(db.begin())
            db.rollback()
        end)

        it("are refused as busy at once when too many wait", function()
            lab.connect({ readers = 1, writers = 1, waiters_max = 5, wait_max_ms = 2000 })
            local busy = 0
            lab.together(20, function()
                local is_begun, err = db.begin()
                if is_begun then
                    sleep(10)
                    db.rollback()
                else
                    assert.equal("busy", err.code)
                    busy = busy + 1
                end
            end)
            assert.equal(15, busy)
        end)
    end)

    describe("in one batch", function()
        it("give the rows of each statement, as tables or JSON", function()
            local results = assert(db.batch({
                { add, 500, "batch" },
                { count, "batch" },
                { count, "batch", json = true },
            }))
            assert.same({}, results[1])
            assert.equal(1, results[2][1].n)
            assert.equal('[{"n":1}]', results[3])
        end)

        it("take one round trip", function()
            local proxy = lab.proxy()
            lab.connect({ url = proxy.url, readers = 1, writers = 1 })
            assert(db.batch({ { add, 510, "trip" }, { count, "trip" } }))
            local before = proxy:command("trips")
            assert(db.batch({ { add, 511, "trip" }, { add, 512, "trip" }, { count, "trip" } }))
            assert.equal(1, proxy:command("trips") - before)
            lab.disconnect()
            proxy:close()
        end)

        it("are all or nothing, and say which statement failed", function()
            local results, err = db.batch({ { add, 520, "all" }, { add, 521, "all" }, { bad, 1 },
                { add, 522, "all" } })
            assert.is_nil(results)
            assert.equal(3, err.statement)
            assert.equal(0, notes("all"))
        end)

        it("fail as a whole when only the commit fails", function()
            lab.exec([[create table late (id int, constraint late_key unique (id) deferrable
                initially deferred)]])
            local insert = lab.query("insert into late values (1)")
            local results, err = db.batch({ { insert }, { insert } })
            assert.is_nil(results)
            assert.equal("internal", err.code)
            assert.is_nil(err.statement)
            assert.equal(0, lab.one("select count(*) as n from late").n)
        end)

        it("are pipelined inside a transaction, and part of it", function()
            assert(db.begin())
            assert(db.batch({ { add, 530, "inner" }, { add, 531, "inner" } }))
            assert.equal(2, notes("inner"))
            db.rollback()
            assert.equal(0, notes("inner"))
        end)

        it("check their entries before anything is sent", function()
            assert.has_error(function() db.batch({ { add, 540 }, { add, 541, "x", "y" } }) end,
                add .. " takes 2 values, not more")
            assert.has_error(function() db.batch({ "x" }) end,
                "db.batch: entry 1 is not {name, values…}")
            assert.has_error(function() db.batch({}) end)
            assert.is_nil(db.one(lab.query("select 1 as n from notes where id = 540")))
        end)

        it("run again after a deadlock", function()
            lab.connect({ readers = 1, writers = 4, statement_timeout_ms = 8000,
                lock_timeout_ms = 6000 })
            local bump = lab.query([[update counters set n = n + 1
                from (select pg_sleep(0.01)) s where id = $1]])
            local before = db.one(total).n
            lab.together(4, function(i)
                local one, two = i % 2 + 1, (i + 1) % 2 + 1
                assert(db.batch({ { bump, one }, { bump, two } }))
            end)
            assert.equal(before + 8, db.one(total).n)
            assert.is_true(db.spec.stats().retried >= 1)
        end)

        it("run again after a serialization failure, three times at most", function()
            lab.exec("create sequence tries")
            lab.exec([[create function fail_until(p_tries int) returns void language plpgsql as $$
                begin
                if nextval('tries') < p_tries then
                    raise exception using errcode = '40001', message = 'again';
                end if; end $$]])
            local try = lab.query("select fail_until($1)")
            assert(db.batch({ { try, 4 } }))
            assert.equal(4, lab.one("select last_value as n from tries").n)
        end)

        it("give up after the third retry", function()
            lab.exec("select setval('tries', 1, false)")
            local results, err = db.batch({ { lab.query("select fail_until($1)"), 100 } })
            assert.is_nil(results)
            assert.equal("busy", err.code)
            assert.is_true(err.is_retryable)
            assert.equal(4, lab.one("select last_value as n from tries").n)
        end)
    end)

    describe("whose connection ends", function()
        --- Ends the session of this transaction, and waits until the server has done so.
        local function terminate_own()
            local own = spec_database.own()
            local pid = db.one(lab.query("select pg_backend_pid() as pid")).pid
            own:query("select pg_terminate_backend(" .. pid .. ")")
            lab.eventually("the session has ended", 5000, function()
                return own:value("select count(*) from pg_stat_activity where pid = " .. pid) == 0
            end)
        end

        it("are away before the commit was sent", function()
            lab.connect({ readers = 1, writers = 2 })
            assert(db.begin())
            assert(db.exec(add, 600, "lost"))
            terminate_own()
            local done, err = db.exec(add, 601, "lost")
            assert.is_nil(done)
            assert.equal("database_unavailable", err.code)
            assert.equal(503, err.status)
            db.rollback()
            assert.equal(0, notes("lost"))
        end)

        it("are away when the server ended them while they were idle", function()
            lab.connect({ readers = 1, writers = 2 })
            assert(db.begin())
            assert(db.exec(add, 610, "idle"))
            terminate_own()
            sleep(50)
            local done, err = db.commit()
            assert.is_nil(done)
            assert.equal("database_unavailable", err.code)
            assert.equal(0, notes("idle"))
        end)

        it("have an unknown outcome when the commit was sent and not answered", function()
            local proxy = lab.proxy()
            lab.connect({ url = proxy.url, readers = 1, writers = 1 })
            assert(db.exec(add, 620, "unknown"))
            proxy:command("mute")
            local results = lab.together(2, function(part)
                if part == 1 then
                    return (select(2, db.batch({ { add, 621, "unknown" } })))
                end
                sleep(200)
                proxy:command("unmute")
            end)
            assert.equal("outcome_unknown", results[1].code)
            lab.disconnect()
            proxy:close()
            assert.equal(2, notes("unknown"))
        end)

        it("run again as a batch when it is known that nothing took effect", function()
            lab.connect({ readers = 1, writers = 1 })
            local slow = lab.query("select pg_sleep(0.3)")
            local results = lab.together(2, function(part)
                if part == 1 then
                    return assert(db.batch({ { add, 630, "again" }, { slow } }))
                end
                sleep(100)
                return spec_database.own():query([[select pg_terminate_backend(pid)
                    from pg_stat_activity
                    where query like '%pg_sleep(0.3)%' and pid <> pg_backend_pid()
                        and datname = current_database()]])
            end)
            assert.equal(2, #results[1])
            assert.equal(1, notes("again"))
        end)
    end)
end)
