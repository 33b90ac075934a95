local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

local WORKERS, READERS = 2, 2

describe("An operator's pages", function()
    local server

    setup(function()
        server = server_process.start({ db = database.fresh(), set = {
            ["http.workers"] = WORKERS, ["db.readers"] = READERS,
        } })
    end)

    teardown(function()
        server:stop()
    end)

    local function get(path, port, method)
        return client.request({ port = port or server.port, path = path, method = method })
    end

    it("say that the process is alive", function()
        local reply = get("/health")
        assert.equal(200, reply.status)
        assert.equal("ok", reply.json.status)
        assert.is_string(reply.json.version)
    end)

    it("say that it can serve, once every worker can", function()
        -- A worker listens before it is connected, and the other answers before it listens.
        shell.wait_until("both workers are there", 30, function()
            local page = get("/metrics", server.metrics_port).body
            return page:match('db_pool_connections{kind="reader"} (%d+)')
                == tostring(WORKERS * READERS)
        end)
        shell.wait_until("both workers are ready", 30, function()
            for _ = 1, 20 do
                if get("/ready").status ~= 200 then
                    return false
                end
            end
            return true
        end)
        assert.equal("ready", get("/ready").json.status)
    end)

    it("answer HEAD without a body and refuse other methods with Allow", function()
        local head = get("/health", nil, "HEAD")
        assert.equal(200, head.status)
        assert.equal("", head.body)
        local post = get("/health", nil, "POST")
        assert.equal(405, post.status)
        assert.equal("GET, HEAD", post.headers.allow)
    end)

    it("stay alive but not ready where there is no database", function()
        local lonely = server_process.start({
            db = { url = "host=" .. os.getenv("SOUK_HOME") .. " dbname=none" },
            set = { ["http.workers"] = 1 },
            ready = "/health",
        })
        local ready = get("/ready", lonely.port)
        assert.equal(503, ready.status)
        assert.equal("database_unavailable", ready.json.code)
        assert.is_true(tonumber(ready.headers["retry-after"]) >= 1)
        assert.equal(200, get("/health", lonely.port).status)
        lonely:logged("db.away", true)
        lonely:stop()
    end)

    it("count requests of all workers by route template, never by path", function()
        for i = 1, 20 do
            get("/api/nowhere/" .. i)
            get("/health")
        end
        local page
        -- A worker counts a request when it has answered it.
        shell.wait_until("all are counted", 20, function()
            page = get("/metrics", server.metrics_port)
            return page.body:match(
                'http_requests_total{route="unmatched",method="GET",code="404"} (%d+)') == "20"
        end)
        assert.equal(200, page.status)
        assert.matches("text/plain; version=0.0.4", page.headers["content-type"], 1, true)
        assert.is_nil(page.body:find("nowhere", 1, true))
        assert.matches("# TYPE http_request_duration_seconds histogram", page.body, 1, true)
    end)

    it("are kept apart: /metrics is not on the API's port, nothing else on the other", function()
        assert.equal(404, get("/metrics").status)
        assert.equal(404, get("/api/products", server.metrics_port).status)
    end)

    it("write one line of JSON for each request, whatever the path holds", function()
        get("/api/%0d%0a%1b[31m/x?token=secret")
        client.raw(server.port,
            'GET /api/x HTTP/1.1\r\nHost: a\r\nX-Request-Id: a"b{}\r\n\r\n', 0.2)
        local json = require("core.json")
        server:logged("/api/x", true)
        for line in server:log():gmatch("([^\n]+)\n") do
            assert.is_table(json.decode(line), line)
            assert.is_nil(line:find("\27", 1, true))
            assert.is_nil(line:find("token=secret", 1, true))
        end
    end)
end)
