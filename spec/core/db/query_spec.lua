local db = require("core.db")
local lab = require("spec.core.db.lab")
local sleep = require("core.sleep")

describe("reads on a shared pipeline", function()
    local good, bad, slow, wrong, echo

    setup(function()
        good = lab.query("select 1 as n")
        bad = lab.query("select 1 / (0 * $1::int) as n")
        slow = lab.query("select pg_sleep($1), 1 as n")
        wrong = lab.query("selec 1")
        echo = lab.query("select $1::int as n")
    end)
    after_each(lab.disconnect)

    it("answer each caller with its own rows, in the order it asked", function()
        lab.together(64, function(i)
            for k = 1, 160 do
                local n = i * 1000 + k
                assert.equal(n, assert(db.one(echo, n)).n)
            end
        end)
    end)

    it("keep neighbours' errors apart, whatever fails beside them", function()
        local failed = 0
        lab.together(60, function(i)
            for k = 1, 20 do
                local kind = (i + k) % 6
                if kind == 0 then
                    local row, err = db.one(bad, k)
                    assert.is_nil(row)
                    assert.equal("internal", err.code)
                    failed = failed + 1
                elseif kind == 1 then
                    local row, err = db.one(wrong)
                    assert.is_nil(row)
                    assert.equal("internal", err.code)
                    failed = failed + 1
                else
                    assert.equal(i * k, assert(db.one(echo, i * k)).n)
                end
            end
        end)
        assert.equal(60 * 20 / 3, failed)
    end)

    it("are tried again when a neighbour takes them along", function()
        lab.connect({ readers = 1, writers = 1 })
        local before = db.spec.stats().retried
        local rows = lab.together(3, function(i)
            if i == 1 then
                return (select(2, db.one(bad, 1))).code
            end
            return assert(db.one(echo, i)).n
        end)
        assert.same({ "internal", 2, 3 }, rows)
        assert.equal(2, db.spec.stats().retried - before)
    end)

    it("cannot be starved by neighbours that always fail", function()
        lab.connect({ readers = 1, writers = 1 })
        local before = db.spec.stats().retried
        lab.together(40, function(i)
            if i < 40 then
                for _ = 1, 5 do
                    db.one(bad, 1)
                end
                return
            end
            assert.equal(7, assert(db.one(echo, 7)).n)
        end)
        assert.is_true(db.spec.stats().retried - before <= 40 * 5 * 2)
    end)

    it("go around a reader that one slow statement holds up", function()
        lab.connect({ readers = 2, writers = 1 })
        for _ = 1, 4 do
            db.one(echo, 1) -- prepared everywhere
        end
        lab.together(2, function(part)
            if part == 1 then
                return db.one(slow, 1.9)
            end
            sleep(50)
            local took_ms = lab.took_ms(function()
                lab.together(30, function(i)
                    assert.equal(i, assert(db.one(echo, i)).n)
                end)
            end)
            assert.is_true(took_ms < 1800, took_ms .. " ms")
        end)
    end)

    it("cannot write", function()
        lab.exec("create table no_writes (id int)")
        local rows, err = db.query(lab.query("insert into no_writes values (1) returning id"))
        assert.is_nil(rows)
        assert.equal("internal", err.code)
        assert.equal(0, lab.one("select count(*) as n from no_writes").n)
    end)

    it("end with statement_timeout, and only those that are slow", function()
        lab.connect({ readers = 1, writers = 1, statement_timeout_ms = 100 })
        local codes = lab.together(4, function(i)
            if i == 2 then
                return (select(2, db.one(slow, 5))).code
            end
            return assert(db.one(echo, i)).n
        end)
        assert.same({ 1, "statement_timeout", 3, 4 }, codes)
    end)

    it("are refused as busy when too many wait, at once", function()
        lab.connect({ readers = 1, writers = 1, waiters_max = 10, wait_max_ms = 3000 })
        local busy, answered = 0, 0
        lab.together(2, function(part)
            if part == 1 then
                return db.one(slow, 1)
            end
            sleep(50)
            lab.together(64, function()
                lab.together(2, function()
                    local row, err = db.one(good)
                    if row then
                        answered = answered + 1
                    else
                        assert.equal("busy", err.code)
                        assert.equal(1, err.retry_after)
                        busy = busy + 1
                    end
                end)
            end)
        end)
        assert.equal(128, busy + answered)
        assert.equal(128 - 10, busy)
    end)

    it("wait no longer than wait_max for a reader", function()
        lab.connect({ readers = 1, writers = 1, wait_max_ms = 200, statement_timeout_ms = 5000 })
        lab.together(2, function(part)
            if part == 1 then
                return db.one(slow, 3)
            end
            sleep(50)
            lab.together(64, function()
                local row, err = db.one(good)
                assert.is_nil(row)
                assert.equal("busy", err.code)
            end)
        end)
        assert.equal(1, assert(db.one(good)).n)
    end)

    it("go out together: one trip for all that ask in a turn", function()
        local proxy = lab.proxy()
        lab.connect({ url = proxy.url, readers = 1, writers = 1 })
        db.one(echo, 0)
        local before = proxy:command("trips")
        lab.together(50, function(i)
            assert.equal(i, assert(db.one(echo, i)).n)
        end)
        assert.is_true(proxy:command("trips") - before <= 2)
        lab.disconnect()
        proxy:close()
    end)

    it("that come while a reader is busy wait together until it has answered", function()
        lab.connect({ readers = 1, writers = 1 })
        lab.together(52, function(i)
            if i == 1 then
                return db.one(slow, 1)
            end
            sleep(50)
            if i < 52 then
                assert.equal(i, assert(db.one(echo, i)).n)
                return
            end
            sleep(50)
            assert.equal(50, db.spec.stats().waiters)
        end)
    end)
end)

describe("what a failed statement means", function()
    it("is told by the SQLSTATEs and constraints of err.def", function()
        lab.exec("create schema apart")
        lab.exec("create table apart.users (email text, constraint users_email_key unique (email))")
        local insert = lab.query("insert into apart.users values ('a')")
        assert.equal(1, assert(db.exec(insert)))
        local _, taken = db.exec(insert)
        assert.equal("email_taken", taken.code)
        assert.equal(409, taken.status)
        assert.is_nil(taken.message:find("duplicate", 1, true))
        local _, invalid = db.one(lab.query("select $1::int as n"), "x")
        assert.equal("validation_failed", invalid.code)
    end)

    it("carries message and details of our own functions", function()
        lab.exec([[do $$ begin create function refuse() returns void language plpgsql as 'begin
            raise exception using errcode = ''SK410'', message = ''only 2 left'',
                detail = ''[{"productId":"p","available":2}]''; end'; end $$]])
        local _, err = db.exec(lab.query("select refuse()"))
        assert.equal("insufficient_stock", err.code)
        assert.equal("only 2 left", err.message)
        assert.equal('[{"productId":"p","available":2}]', tostring(err.details))
        assert.equal(1, err.statement)
    end)

    it("never carries PostgreSQL's own words", function()
        local _, err = db.one(lab.query("select secret_column from pg_class"))
        assert.equal("internal", err.code)
        assert.is_nil(err.message:find("secret_column", 1, true))
        assert.is_nil(err.details)
    end)
end)
