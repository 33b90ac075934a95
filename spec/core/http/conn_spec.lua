local socket = require("socket")
local wire = require("spec.core.http.wire")

local HEAD_S, BODY_S, IDLE_S = 0.5, 0.6, 0.8
--- Deadlines are looked at every 62 ms; a sanitized server on a shared machine may be late too.
local LATE_S = 10

local function elapsed(began_s)
    return socket.gettime() - began_s
end

local function assert_within(seconds, low, high)
    assert.is_true(seconds >= low - 0.02 and seconds <= high, seconds .. " s")
end

--- Sends a byte every 40 ms until the server answers or 15 seconds have passed.
local function drip(sock)
    local began_s = socket.gettime()
    sock:settimeout(0.04)
    while elapsed(began_s) < 15 do
        sock:send("a")
        local byte, problem = sock:receive(1)
        if byte or problem ~= "timeout" then
            sock:settimeout(5)
            return byte or "", elapsed(began_s)
        end
    end
    error("it may drip for ever")
end

describe("a connection", function()
    local server, sock

    setup(function()
        server = wire.start({
            ["http.head_timeout_ms"] = HEAD_S * 1000, ["http.body_timeout_ms"] = BODY_S * 1000,
            ["http.idle_timeout_ms"] = IDLE_S * 1000,
        })
    end)

    teardown(function()
        server:stop()
    end)

    before_each(function()
        sock = wire.connect(server)
    end)

    after_each(function()
        sock:close()
        assert.equal(200, wire.exchange(server, wire.ALIVE)[1].status)
    end)

    it("that sends its head a byte at a time is answered 408 at the deadline", function()
        sock:send("GET /seen HTTP/1.1\r\nX: ")
        local first, seconds = drip(sock)
        assert.equal("H", first)
        assert.equal("TTP/1.1 408 Request Timeout", (sock:receive("*l")))
        assert.truthy((sock:receive("*a")):find('"code":"timeout"', 1, true))
        assert_within(seconds, HEAD_S, HEAD_S + LATE_S)
    end)

    it("that sends its body a byte at a time is answered 408 at the deadline", function()
        sock:send("POST /seen HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        local first, seconds = drip(sock)
        assert.equal("H", first)
        assert.equal("TTP/1.1 408 Request Timeout", (sock:receive("*l")))
        assert_within(seconds, BODY_S, BODY_S + LATE_S)
    end)

    it("that stops after half a second request is answered 408", function()
        sock:send(wire.ALIVE .. "GET /")
        assert.equal(200, wire.receive(sock).status)
        local answer = wire.receive(sock)
        assert.equal(408, answer.status)
        assert.equal("close", answer.headers.connection)
        assert.is_true(wire.is_closed(sock))
    end)

    it("that never says anything is closed without a word", function()
        local began_s = socket.gettime()
        assert.is_true(wire.is_closed(sock))
        assert_within(elapsed(began_s), IDLE_S, IDLE_S + LATE_S)
    end)

    it("that is idle after a request is closed without a word", function()
        wire.ask(sock, "/seen")
        local began_s = socket.gettime()
        assert.is_true(wire.is_closed(sock))
        assert_within(elapsed(began_s), IDLE_S, IDLE_S + LATE_S)
    end)

    it("whose request is being handled has no deadline", function()
        local path = "/wait/" .. (IDLE_S + BODY_S) * 1000
        assert.equal(200, wire.ask(sock, path).status)
        assert.equal(200, wire.ask(sock, "/seen").status)
    end)

    it("that does not read its reply is let go", function()
        sock:send("GET /bytes/8000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        socket.sleep(3)
        local received = 0
        repeat
            local bytes, problem, partial = sock:receive(65536)
            received = received + #(bytes or partial)
        until problem
        assert.is_true(received < 8000000)
    end)

    it("does not keep more for its client than the settings allow", function()
        sock:send("GET /bytes/16000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        local _, problem = wire.receive(sock)
        assert.equal("closed", problem)
        server:logged("http.output.full", true)
    end)

    it("that reads its reply slowly gets all of it", function()
        sock:setoption("recv-buffer-size", 16384)
        sock:send("GET /bytes/6000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ = 1, 20 do
            assert.equal(300000, #assert(sock:receive(300000)))
            socket.sleep(0.04)
        end
    end)

    it("that only sends is not read any more, and costs no memory", function()
        local function resident_kb()
            local status = io.open("/proc/" .. server.pid .. "/status"):read("*a")
            return tonumber(status:match("VmRSS:%s+(%d+)"))
        end
        local flood = ("GET /bytes/10000 HTTP/1.1\r\nHost: a\r\n\r\n"):rep(1000)
        local before_kb = resident_kb()
        sock:settimeout(0.1)
        local began_s, sent = socket.gettime(), 0
        while elapsed(began_s) < 1 do
            local last, problem, partial = sock:send(flood)
            sent = sent + (last or partial)
            if problem and problem ~= "timeout" then
                break
            end
        end
        assert.is_true(sent < 16e6, sent .. " bytes were taken")
        assert.is_true(resident_kb() - before_kb < 16384, resident_kb() - before_kb .. " KiB more")
    end)

    it("answers a thousand requests that were sent while one waited", function()
        sock:send("GET /wait/100 HTTP/1.1\r\nHost: a\r\n\r\n")
        local sent = assert(sock:send(wire.ALIVE:rep(1000)))
        assert.equal(#wire.ALIVE * 1000, sent)
        for _ = 1, 1001 do
            assert.equal(200, wire.receive(sock).status)
        end
    end)

    it("is told to go on when it waits to send its body", function()
        sock:send("POST /seen HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            .. "Content-Length: 2\r\n\r\n")
        assert.equal("HTTP/1.1 100 Continue", (sock:receive("*l")))
        assert.equal("", (sock:receive("*l")))
        sock:send("ab")
        assert.equal(200, wire.receive(sock).status)
    end)

    it("is not told to go on with a body that is too large", function()
        sock:send("POST /seen HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            .. "Content-Length: 2000000\r\n\r\n")
        local answer = wire.receive(sock)
        assert.equal(413, answer.status)
        assert.is_true(wire.is_closed(sock))
    end)

    it("may send a larger body where the route takes one", function()
        local size = 4 * 1024 * 1024
        sock:send("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: " .. size .. "\r\n\r\n")
        sock:send(("a"):rep(size))
        assert.truthy(wire.receive(sock).body:find('"length":' .. size, 1, true))
        sock:send("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: " .. size + 1 .. "\r\n\r\n")
        assert.equal(413, wire.receive(sock).status)
    end)

    it("that has ended its side is still answered", function()
        sock:send(wire.ALIVE .. wire.ALIVE)
        sock:shutdown("send")
        assert.equal(200, wire.receive(sock).status)
        assert.equal(200, wire.receive(sock).status)
        assert.is_true(wire.is_closed(sock))
    end)

    local refused = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"

    it("that is refused is answered in its turn, and may have ended its side", function()
        sock:send(refused .. wire.ALIVE .. refused .. refused .. wire.ALIVE)
        for _, status in ipairs({ 404, 200, 404, 404, 200 }) do
            assert.equal(status, wire.receive(sock).status)
        end
        sock:send(refused)
        assert.equal(404, wire.receive(sock).status)
        sock:send(refused .. refused)
        sock:shutdown("send")
        assert.equal(404, wire.receive(sock).status)
        assert.equal(404, wire.receive(sock).status)
        assert.is_true(wire.is_closed(sock))
    end)

    it("is answered when many are refused at a time, over and over", function()
        local socks = {}
        for i = 1, 50 do
            socks[i] = wire.connect(server)
        end
        for _ = 1, 10 do
            for i, one in ipairs(socks) do
                one:send(i % 5 == 0 and wire.ALIVE or refused)
            end
            for i, one in ipairs(socks) do
                assert.equal(i % 5 == 0 and 200 or 404, wire.receive(one).status)
            end
        end
        for i, one in ipairs(socks) do
            one:send(refused)
            if i % 2 == 0 then
                one:close()
            else
                assert.equal(404, wire.receive(one).status)
                one:close()
            end
        end
        sock:send(wire.ALIVE)
        assert.equal(200, wire.receive(sock).status)
    end)

    -- What is sent before the client leaves.
    local waits = "GET /wait/30 HTTP/1.1\r\nHost: a\r\n\r\n"
    local leaves = {
        ["at once"] = "",
        ["in the middle of a head"] = "GET /seen HTTP/1.1\r\nHo",
        ["in the middle of a body"] = "POST /seen HTTP/1.1\r\nHost: a\r\n"
            .. "Content-Length: 9\r\n\r\nab",
        ["before the reply"] = waits,
        ["as the reply comes"] = "GET /wait/2 HTTP/1.1\r\nHost: a\r\n\r\n",
        ["with more requests sent"] = waits .. wire.ALIVE:rep(900),
        ["in the middle of the reply"] = "GET /bytes/3000000 HTTP/1.1\r\nHost: a\r\n\r\n",
        ["as it is refused"] = refused,
        ["as it is refused over and over"] = refused:rep(5),
        ["after a refusal"] = "GET /seen HTTP/1.1\r\n\r\n",
    }
    for when, bytes in pairs(leaves) do
        it("may be left " .. when .. ", orderly or by a reset", function()
            for i = 1, 60 do
                local leaver = wire.connect(server)
                leaver:send(bytes)
                if i % 3 == 0 then
                    socket.sleep(0.002)
                end
                if i % 2 == 0 then
                    leaver:setoption("linger", { on = true, timeout = 0 })
                end
                leaver:close()
            end
            socket.sleep(0.05)
            assert.is_nil(server:exit_code())
        end)
    end
end)

describe("a connection that was left before its reply", function()
    it("is logged with status 0", function()
        local server = wire.start({ ["log.level"] = "info" })
        local sock = wire.connect(server)
        sock:send("GET /wait/50 HTTP/1.1\r\nHost: a\r\nX-Request-Id: has-left\r\n\r\n")
        socket.sleep(0.01)
        sock:close()
        server:logged('"request_id":"has%-left"[^\n]*"status":0[,}]')
        server:stop()
    end)
end)
