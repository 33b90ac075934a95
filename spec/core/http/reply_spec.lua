local shell = require("spec.support.shell")
local wire = require("spec.core.http.wire")

local function codes(text)
    return (text:gsub(".", function(byte)
        return "." .. byte:byte()
    end):sub(2))
end

describe("a reply", function()
    local server, sock

    setup(function()
        server = wire.start()
    end)

    teardown(function()
        server:stop()
    end)

    before_each(function()
        sock = wire.connect(server)
    end)

    after_each(function()
        sock:close()
    end)

    it("says its length, type, date and id, and that it is not to be kept or guessed at", function()
        local headers = wire.ask(sock, "/seen").headers
        assert.truthy(headers["content-length"]:match("^%d+$"))
        assert.equal("application/json; charset=utf-8", headers["content-type"])
        assert.truthy(headers["x-request-id"]:match("^%x+$"))
        assert.equal("no-store", headers["cache-control"])
        assert.equal("nosniff", headers["x-content-type-options"])
        assert.is_nil(headers.connection)
        assert.is_nil(headers.server)
    end)

    it("has the date of now", function()
        local now_s = os.time()
        local date = wire.ask(sock, "/seen").headers.date
        local near = { [date] = false }
        for shift = -1, 2 do
            near[os.date("!%a, %d %b %Y %H:%M:%S GMT", now_s + shift)] = true
        end
        assert.is_true(near[date], date)
    end)

    it("moves its date on", function()
        local first = wire.ask(sock, "/seen").headers.date
        require("socket").sleep(1.05)
        assert.not_equal(first, wire.ask(sock, "/seen").headers.date)
    end)

    it("to HEAD has the headers of GET and no body", function()
        local head = wire.ask(sock, "/bytes/1000", "HEAD")
        assert.equal("1000", head.headers["content-length"])
        assert.equal("text/plain", head.headers["content-type"])
        -- What follows on the connection would be off by a body that was sent.
        assert.equal(1000, #wire.ask(sock, "/bytes/1000").body)
    end)

    it("to HEAD of what is not there has no body either", function()
        assert.equal(404, wire.ask(sock, "/nothing", "HEAD").status)
        assert.equal(200, wire.ask(sock, "/seen").status)
    end)

    for _, status in ipairs({ 204, 304 }) do
        it("of " .. status .. " has no body and no length", function()
            local answer = wire.ask(sock, "/empty/" .. status)
            assert.equal(status, answer.status)
            assert.is_nil(answer.headers["content-length"])
            assert.is_nil(answer.headers["content-type"])
            assert.equal(200, wire.ask(sock, "/seen").status)
        end)
    end

    local unsound = { "a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\r", "a\0b", "a\27[0m", "a\127" }
    for _, value in ipairs(unsound) do
        it("leaves out a header with " .. ("%q"):format(value), function()
            local headers = wire.ask(sock, "/header?" .. codes(value)).headers
            assert.is_nil(headers["x-evil"])
            assert.is_nil((headers["x-given"] or ""):match("[%c]"))
            assert.equal("yes", headers["x-sound"])
            assert.equal(200, wire.ask(sock, "/seen").status)
        end)
    end

    it("passes a sound header on", function()
        local value = "text/x; a=\"b\"\tc"
        assert.equal(value, wire.ask(sock, "/header?" .. codes(value)).headers["x-given"])
    end)

    it("to HTTP/1.0 that keeps alive says so, and does", function()
        local request = "GET /seen HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        for _ = 1, 3 do
            sock:send(request)
            local answer = wire.receive(sock)
            assert.equal(200, answer.status)
            assert.equal("keep-alive", answer.headers.connection)
        end
    end)

    --- curl's words for an end (52) and for a reset (56), also on a connection that was used.
    for status, curl_code in pairs({ [0] = 52, [-1] = 56 }) do
        it("with status " .. status .. " is none, and the connection is gone", function()
            local url = ("%s/none/%d"):format(server.url, status)
            assert.equal(curl_code, select(2, shell.run("curl -s " .. url)))
            assert.equal(200, wire.ask(sock, "/seen").status)
            assert.is_nil(wire.ask(sock, "/none/" .. status))
        end)
    end

    it("comes whole when it is larger than the socket takes at once", function()
        for _, size in ipairs({ 1, 65536, 1000000, 4000000 }) do
            local answer = wire.ask(sock, "/bytes/" .. size)
            assert.equal(size, #answer.body)
        end
        assert.equal(200, wire.ask(sock, "/seen").status)
    end)

    it("keeps the connection for hundreds of requests", function()
        for _ = 1, 300 do
            assert.equal(200, wire.ask(sock, "/seen").status)
        end
    end)

    it("to what waits comes when it is there, in the order asked", function()
        sock:send("GET /wait/60 HTTP/1.1\r\nHost: a\r\n\r\n" .. wire.ALIVE
            .. "GET /wait/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        for _, path in ipairs({ "/wait/60", "/seen", "/wait/1" }) do
            assert.truthy(wire.receive(sock).body:find('"path":"' .. path .. '"', 1, true))
        end
    end)
end)
