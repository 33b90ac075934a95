--- How the worker shares the processor, as the kernel tells it.
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")
local socket = require("socket")

local MANY, A_FEW, HASHES = 40, 6, 6
local SCHED_OTHER, SCHED_BATCH = 0, 3

--- Field 41 of stat; its second is a name in parentheses.
local function policy_of(pid)
    local fields = {}
    for field in shell.read(("/proc/%d/stat"):format(pid)):match("%) (.*)"):gmatch("%S+") do
        fields[#fields + 1] = field
    end
    return tonumber(fields[39])
end

describe("A worker", function()
    local db, server, worker, asked

    local function send(line, body)
        local conn = assert(socket.connect("127.0.0.1", server.port))
        assert(conn:send(("%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(
            line, #body, body)))
        asked[#asked + 1] = conn
    end

    --- Reads that nobody answers as long as the table is locked.
    local function ask(count)
        for _ = 1, count do
            send("GET /api/reviews/00000000-0000-7000-8000-000000000001", "")
        end
    end

    --- Each computes for a tenth of a second, one after another.
    local function sign_up(count)
        for i = 1, count do
            send("POST /api/auth/register", ('{"email":"pace%d@example.com","name":"Ada",'
                .. '"password":"correct horse 1","role":"BUYER"}'):format(i))
        end
    end

    local function answers()
        for i = #asked, 1, -1 do
            asked[i]:settimeout(60)
            assert.matches("^HTTP/1.1 [24]0[14] ", asked[i]:receive("*a"))
            asked[i]:close()
            asked[i] = nil
        end
    end

    local function becomes(policy)
        shell.wait_until("policy " .. policy, 30, function()
            return policy_of(worker) == policy
        end)
    end

    local function while_locked(run)
        local home = os.getenv("SOUK_HOME") .. "/lock"
        shell.must("mkdir -p " .. home)
        shell.background(home, ("psql -X -q -d %s -c %s"):format(shell.quote(db.url), shell.quote(
            "begin; lock table reviews; select pg_sleep(120)")))
        shell.wait_until("the lock", 30, function()
            return db:query("select count(*) from pg_locks where mode = 'AccessExclusiveLock' "
                .. "and relation = 'reviews'::regclass and granted")[1][1] == "1"
        end)
        local is_ok, problem = pcall(run)
        db:query("select pg_terminate_backend(pid) from pg_locks where granted "
            .. "and mode = 'AccessExclusiveLock' and relation = 'reviews'::regclass")
        assert(is_ok, problem)
    end

    setup(function()
        db, asked = database.fresh(), {}
        server = server_process.start({ db = db, set = {
            ["http.workers"] = 1, ["auth.bcrypt_cost"] = 11, ["auth.helper_threads"] = 1,
            ["invariants.every_s"] = 0, -- nobody but those who ask reads the locked table
            -- Nobody gives up before the lock goes.
            ["db.lock_timeout_ms"] = 90000, ["db.statement_timeout_ms"] = 90000,
            ["db.wait_max_ms"] = 60000,
        } })
        worker = server:workers()[1]
    end)

    teardown(function()
        server:stop()
    end)

    it("takes turns with others while many wait, but not with threads of its own", function()
        assert.equal(SCHED_OTHER, policy_of(worker))
        while_locked(function()
            ask(MANY)
            becomes(SCHED_BATCH)
            sign_up(HASHES)
            becomes(SCHED_OTHER)
            becomes(SCHED_BATCH)
        end)
        answers()
        becomes(SCHED_OTHER)
    end)

    it("answers a few at once", function()
        while_locked(function()
            ask(A_FEW)
            shell.wait_until("those who wait", 30, function()
                return db:query("select count(*) from pg_locks where not granted "
                    .. "and relation = 'reviews'::regclass")[1][1] ~= "0"
            end)
            assert.equal(SCHED_OTHER, policy_of(worker))
        end)
        answers()
    end)
end)
