--- No change is lost, whatever order transactions commit in. The server's own reader is asked, by
-- its counters: a change is counted when it is told.
local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

local WRITERS = 4
local CHANGES = 150

describe("The feed of changes", function()
    local db, server

    local function metric(name)
        local page = client.request({ port = server.metrics_port, path = "/metrics" }).body
        return tonumber(page:match("\n" .. name .. " (%d+)")) or 0
    end

    local function seen()
        local before = metric("souk_feed_reads_total")
        shell.wait_until("the server has looked", 20, function()
            client.request({ port = server.port, path = "/api/vendors" })
            return metric("souk_feed_reads_total") >= before + 2
        end)
    end

    --- Runs SQL beside this process, each text in a session of its own; the names of its folders.
    local function sessions(texts)
        local homes = {}
        for i, sql in ipairs(texts) do
            homes[i] = ("%s/session.%d.%d"):format(server.home, os.time(), i)
            shell.must("mkdir -p " .. shell.quote(homes[i]))
            shell.background(homes[i], ("psql -X -q -v ON_ERROR_STOP=1 -d %s -c %s"):format(
                shell.quote(db.url), shell.quote(sql)))
        end
        return homes
    end

    local function exit_code(home)
        return tonumber(shell.read(home .. "/rc") or "")
    end

    local function await(homes)
        for _, home in ipairs(homes) do
            shell.wait_until("a session has ended", 40, function()
                return exit_code(home)
            end)
            assert.equal(0, exit_code(home), shell.read(home .. "/log"))
        end
    end

    --- A worker that is kept from reading for a while hands that over to another, who begins anew
    --- with a reset in place of changes: with one worker there is none.
    local function start(workers)
        server = server_process.start({
            db = db, set = { ["cache.size_mb"] = 1, ["http.workers"] = workers },
        })
        seen()
    end

    setup(function()
        db = database.fresh()
        db:query("create table spec_end (at integer)")
        start(1)
    end)

    teardown(function()
        server:stop()
    end)

    it("tells a change that commits after a later one", function()
        local told = metric("souk_feed_changes_total")
        local early = sessions({ "begin; insert into feed_changes (kind) values ('early'); "
            .. "do $$ begin while not exists (select from spec_end) loop perform pg_sleep(0.01); "
            .. "end loop; end $$; commit" })
        shell.wait_until("the early one has its number", 20, function()
            return db:value("select count(*) from pg_stat_activity where backend_xid is not null "
                .. "and query like '%spec_end%'") == 1
        end)
        db:query("insert into feed_changes (kind) values ('late')")
        seen()
        assert.equal(told + 1, metric("souk_feed_changes_total"))
        db:query("insert into spec_end values (1)")
        await(early)
        seen()
        assert.equal(told + 2, metric("souk_feed_changes_total"))
    end)

    it("tells every change of several writers once", function()
        local told, texts = metric("souk_feed_changes_total"), {}
        db:query(([[
            create procedure spec_write() language plpgsql as $$
            begin
                for i in 1 .. %d loop
                    insert into feed_changes (kind) values ('written');
                    perform pg_sleep(random() * 0.004);
                    commit;
                end loop;
            end;
            $$]]):format(CHANGES))
        for i = 1, WRITERS do
            texts[i] = "call spec_write()"
        end
        local homes = sessions(texts)
        shell.wait_until("all have ended", 60, function()
            client.request({ port = server.port, path = "/api/vendors" }) -- so it goes on
            for _, home in ipairs(homes) do
                if not exit_code(home) then
                    return false
                end
            end
            return true
        end)
        await(homes)
        seen()
        assert.equal(told + WRITERS * CHANGES, metric("souk_feed_changes_total"))
    end)

    it("is read by another worker when the one who reads it dies", function()
        server:stop()
        start(2)
        local resets = metric("souk_feed_resets_total")
        local reader = server:log():match(".*feed%.reset[^\n]-worker\"?[:=]\"?(%d)")
        local pids = server:workers()
        table.sort(pids)
        server:signal("KILL", pids[tonumber(reader) + 1])
        shell.wait_until("another reads", 20, function()
            client.request({ port = server.port, path = "/api/vendors" })
            return metric("souk_feed_resets_total") > resets
        end)
        local function known()
            return metric("souk_feed_changes_total") + metric("souk_feed_resets_total")
        end
        local told = known()
        db:query("insert into feed_changes (kind) values ('after')")
        seen()
        assert.is_true(known() > told)
    end)
end)
