local shell = require("spec.support.shell")
local spec_database = require("spec.support.database")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"

describe("souk migrate", function()
    local database, dir

    --- The text that makes a function of SQL.
    local function sql_function(name, type, body)
        return ("create or replace function %s() returns %s language sql as $$ %s $$;\n"):format(
            name, type, body)
    end

    local function write(name, text)
        shell.write(dir .. "/" .. name, text)
    end

    local function command()
        return ("DATABASE_URL=%s %s migrate --conf conf/test.conf --set sql.dir=%s"):format(
            shell.quote(database.url), BINARY, dir)
    end

    local function migrate()
        local output, code = shell.run(command())
        return code, output
    end

    local function applied()
        return database:value("select string_agg(name, ' ' order by name) from schema_migrations")
    end

    before_each(function()
        dir = shell.must("mktemp -d"):gsub("\n", "")
        shell.must(("mkdir %s/migrations %s/functions"):format(dir, dir))
        database = spec_database.fresh()
        database:query("drop table if exists schema_migrations, schema_functions")
        write("migrations/0001_make_things.sql",
            "create table things (id int);\ninsert into things values (1);\n")
        write("functions/thing_count.sql",
            sql_function("thing_count", "bigint", "select count(*) from things"))
    end)
    after_each(function()
        database:drop()
        shell.must("rm -rf " .. dir)
    end)

    it("applies migrations in order of number, then functions, each once", function()
        write("migrations/0002_add_name.sql",
            "alter table things add column name text default 'x';\n")
        local code, output = migrate()
        assert.equal(0, code, output)
        assert.equal("0001_make_things.sql: applied\n0002_add_name.sql: applied\n"
            .. "thing_count.sql: applied\n", output)
        code, output = migrate()
        assert.equal(0, code)
        assert.equal("", output)
        assert.equal("0001_make_things.sql 0002_add_name.sql", applied())
        assert.equal(1, database:value("select thing_count()"))
    end)

    it("refuses a migration that was changed after it was applied, and goes no further", function()
        migrate()
        write("migrations/0001_make_things.sql", "create table things (id bigint);\n")
        write("migrations/0002_add_name.sql", "alter table things add column name text;\n")
        local code, output = migrate()
        assert.equal(1, code)
        assert.equal("0001_make_things.sql: changed after it was applied. "
            .. "Put the old text back and add a new migration\n", output)
        assert.equal("0001_make_things.sql", applied())
    end)

    it("leaves nothing of a migration that fails half way", function()
        migrate()
        write("migrations/0002_break.sql", "create table half (id int);\nselect 1 / 0;\n")
        local code, output = migrate()
        assert.equal(1, code)
        assert.truthy(output:find("0002_break.sql: ERROR:  division by zero", 1, true), output)
        assert.equal("0001_make_things.sql", applied())
        assert.is_false((database:try("select 1 from half")))
        write("migrations/0002_break.sql", "create table half (id int);\n")
        assert.equal(0, migrate())
    end)

    it("applies a function again when its text has changed", function()
        migrate()
        write("functions/thing_count.sql",
            sql_function("thing_count", "bigint", "select 42"))
        local code, output = migrate()
        assert.equal(0, code)
        assert.equal("thing_count.sql: applied\n", output)
        assert.equal(42, database:value("select thing_count()"))
    end)

    it("lets functions use each other in any order", function()
        write("functions/a_uses_b.sql", sql_function("a", "int", "select b()"))
        write("functions/b.sql", sql_function("b", "int", "select 7"))
        local code, output = migrate()
        assert.equal(0, code, output)
        assert.equal(7, database:value("select a()"))
    end)

    it("gives way to a long reader and goes on when it has ended", function()
        migrate()
        write("migrations/0002_add_name.sql", "alter table things add column name text;\n")
        local reader = "begin; select 1 from things; select pg_sleep(1.5)"
        os.execute(("/usr/lib/postgresql/15/bin/psql -X -q -d %s -c '%s' >/dev/null 2>&1 &"):format(
            shell.quote(database.url), reader))
        shell.wait_until("the reader has its lock", 20, function()
            return database:value([[select count(*) from pg_locks
                where relation = 'things'::regclass]]) > 0
        end)
        local code, output = migrate()
        assert.equal(0, code, output)
        assert.equal("0002_add_name.sql: applied\n", output)
    end)

    it("runs once when two are started together", function()
        write("migrations/0002_slow.sql", "select pg_sleep(0.5);\ncreate table once (id int);\n")
        local output = shell.must("(" .. command() .. " & " .. command() .. " & wait)")
        local _, times = output:gsub("0002_slow.sql: applied", "")
        assert.equal(1, times, output)
        assert.is_nil(output:find("not applied", 1, true))
    end)

    it("says why it cannot connect", function()
        local reachable = database
        database = { url = "host='/nowhere' user=souk dbname=none" }
        local code, output = migrate()
        database = reachable
        assert.equal(1, code)
        assert.truthy(output:find("/nowhere", 1, true), output)
    end)
end)
