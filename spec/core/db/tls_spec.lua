--- An encrypted session is spoken through libpq: it must not be told from the other.
local cluster = require("spec.core.db.cluster")
local db = require("core.db")
local lab = require("spec.core.db.lab")
local shell = require("spec.support.shell")
local socket = require("socket")

local function free_port()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    listener:close()
    return port
end

describe("an encrypted session", function()
    local server, folder

    setup(function()
        folder = shell.must("mktemp -d /tmp/souk-tls-XXXXXX"):gsub("\n", "")
        shell.must(("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert "
            .. "-days 2 -subj /CN=localhost 2>&1 && chmod 755 . && chmod 600 key && "
            .. "(chown postgres key cert 2>/dev/null || true)"):format(folder))
        local port = free_port()
        server = cluster.start(([[
            listen_addresses = '127.0.0.1'
            port = %d
            ssl = on
            ssl_cert_file = '%s/cert'
            ssl_key_file = '%s/key']]):format(port, folder, folder))
        server.url = server.url .. " port=" .. port
        server:psql("create table notes (id bigserial primary key, text text)")
        lab.connect({ writers = 1, url =
            ("host=127.0.0.1 port=%d user=souk dbname=postgres sslmode=require"):format(port) })
    end)
    teardown(function()
        lab.disconnect()
        server:remove()
        shell.must("rm -rf " .. folder)
    end)

    it("is one", function()
        assert.is_true(lab.one("select ssl from pg_stat_ssl where pid = pg_backend_pid()").ssl)
    end)

    it("has the same rows, as JSON and as tables", function()
        local name = lab.query([[select g as n, 'a "text"' as "group.text", null as "group.none",
            '2026-01-27 10:30:00.5+00'::timestamptz as at from generate_series(1, $1) as g]])
        local one = '{"n":%d,"group":{"text":"a \\"text\\"","none":null},'
            .. '"at":"2026-01-27T10:30:00.500Z"}'
        assert.equal("[" .. one:format(1) .. "," .. one:format(2) .. "]", db.json(name, 2))
        assert.equal("[]", db.json(name, 0))
        assert.same({ n = 1, group = { text = 'a "text"' }, at = "2026-01-27T10:30:00.500Z" },
            db.one(name, 1))
    end)

    it("keeps failures apart from their neighbours", function()
        local bad, unknown = lab.query("select 1 / $1::integer as n"), lab.query("select nothing")
        local results = {}
        lab.together(30, function(i)
            local name = i % 3 == 0 and unknown or bad
            results[i] = { db.one(name, unpack(i % 3 == 0 and {} or { i % 3 - 1 })) }
        end)
        for i = 1, 30 do
            local row, problem = unpack(results[i])
            if i % 3 == 2 then
                assert.same({ n = 1 }, row)
            else
                assert.equal("internal", problem.code)
            end
        end
    end)

    it("writes all of a transaction or nothing", function()
        local add = lab.query("insert into notes (text) values ($1)")
        local count = lab.query("select count(*) as n from notes")
        assert.is_true(lab.tx(function()
            return db.exec(add, "one") == 1 and db.exec(add, "two") == 1
        end))
        assert.is_nil(lab.tx(function()
            assert(db.exec(add, "three"))
            return nil, "no"
        end))
        assert.is_nil((db.batch({ { add, "four" }, { lab.query("select 1 / 0") } })))
        assert.equal(2, db.one(count).n)
    end)

    it("is made again when the server ends it", function()
        local before = db.spec.stats().reconnected
        server:psql("select pg_terminate_backend(pid) from pg_stat_activity "
            .. "where application_name = 'souk'")
        local one = lab.query("select 1 as n")
        lab.eventually("reads work", 3000, function()
            return db.one(one)
        end)
        lab.eventually("all are back", 3000, function()
            return db.spec.stats().reconnected >= before + 3
        end)
    end)

    it("follows a table whose columns have changed", function()
        local name = lab.query("select * from notes order by id limit 1")
        assert.equal('[{"id":1,"text":"one"}]', db.json(name))
        server:psql("alter table notes add column more integer default 7")
        assert.equal('[{"id":1,"text":"one","more":7}]', db.json(name))
    end)
end)
