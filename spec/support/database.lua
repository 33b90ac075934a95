--- Databases of specs: each is a copy of the migrated template, in the cluster of this test run.
local shell = require("spec.support.shell")

local PSQL = "/usr/lib/postgresql/15/bin/psql -X -q -A -t -F '\t' -v ON_ERROR_STOP=1 -d "

local database = {}
database.__index = database

local made = 0

local function url_of(name)
    local pattern = os.getenv("SOUK_TEST_DATABASE_URL")
        or error("SOUK_TEST_DATABASE_URL is not set: run specs by ./souk test")
    return (pattern:gsub("@@", name))
end

local function open(name)
    return setmetatable({ name = name, url = url_of(name) }, database)
end

--- The database of this spec file: the one core.db is connected to.
function database.own()
    return open(os.getenv("DATABASE_URL"):match("dbname='?([%w_]+)"))
end

--- A new copy of the template, empty but for what migrations put in.
function database.fresh()
    made = made + 1
    local name = ("%s_%d"):format(database.own().name, made)
    open("postgres"):query("create database " .. name
        .. " template souk_template strategy file_copy")
    return open(name)
end

--- A database elsewhere, brought up to date: for faults that would hit other specs.
function database.migrated(url)
    local self = setmetatable({ name = url, url = url }, database)
    shell.must(("DATABASE_URL=%s %s migrate --conf conf/test.conf"):format(
        shell.quote(url), os.getenv("SOUK_BINARY") or "build/sanitize/souk"))
    return self
end

function database:drop()
    open("postgres"):query("drop database if exists " .. self.name .. " with (force)")
end

--- Runs SQL text as it stands and returns its rows: arrays of texts.
function database:query(sql)
    local rows = {}
    local output = shell.must(PSQL .. shell.quote(self.url) .. " -c " .. shell.quote(sql))
    for line in output:gmatch("[^\n]+") do
        local row = {}
        for field in (line .. "\t"):gmatch("([^\t]*)\t") do
            row[#row + 1] = field
        end
        rows[#rows + 1] = row
    end
    return rows
end

--- The first column of the first row, as a number where it is one.
function database:value(sql)
    local row = self:query(sql)[1]
    return row and (tonumber(row[1]) or row[1])
end

--- Whether PostgreSQL takes the SQL; its message when not.
function database:try(sql)
    local output, code = shell.run(PSQL .. shell.quote(self.url) .. " -c " .. shell.quote(sql))
    return code == 0, output
end

local held = 0

--- Another session that has run the SQL in a transaction and keeps it open, with its locks, until
--- :release(), which returns after the commit.
function database:hold(sql)
    held = held + 1
    local name = "held_" .. held
    local session = assert(io.popen(PSQL .. shell.quote(self.url) .. " >/dev/null 2>&1", "w"))
    session:write(("begin; %s; set application_name = '%s';\n"):format(sql, name))
    session:flush()
    shell.wait_until("the other session", 20, function()
        return self:value(("select count(*) from pg_stat_activity where application_name = '%s' "
            .. "and datname = current_database() and state = 'idle in transaction'"):format(name))
            == 1
    end)
    return { release = function()
        session:write("commit;\n")
        session:close()
    end }
end

--- How many sessions of this database wait for a lock.
function database:waiting()
    return self:value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
        .. "and datname = current_database()")
end

--- Waits until the pool of the spec's own process has connected, which takes turns of the loop that
-- psql keeps from turning.
function database.wait()
    local db, sleep = require("souk.db"), require("core.sleep")
    for _ = 1, 600 do
        if db.query("term/corrections", db.array({})) then
            return
        end
        sleep(50)
    end
    error("the database does not answer")
end

return database
