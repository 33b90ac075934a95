local client = require("spec.support.client")
local shell = require("spec.support.shell")
local socket = require("socket")
local wire = require("spec.core.http.wire")

local TICKS_PER_S = 100

local function cpu_s(pid)
    local stat = shell.read("/proc/" .. pid .. "/stat"):match("%) (.*)")
    local fields = {}
    for field in stat:gmatch("%S+") do
        fields[#fields + 1] = tonumber(field) or field
    end
    return (fields[12] + fields[13]) / TICKS_PER_S
end

local function open_descriptors(pid)
    return tonumber(shell.must("ls /proc/" .. pid .. "/fd | wc -l"))
end

local function count_of(text, what)
    return select(2, text:gsub(what, ""))
end

local function health(server)
    return client.request({ port = server.port, path = "/health" }).status
end

local function close_all(socks)
    for _, sock in ipairs(socks) do
        sock:close()
    end
end

describe("a server without free descriptors", function()
    local server, socks

    setup(function()
        server = wire.start()
    end)

    teardown(function()
        server:stop()
    end)

    after_each(function()
        close_all(socks)
    end)

    it("pauses accepting rather than spin, says so once a second, and recovers", function()
        local limit = open_descriptors(server.pid) + 10
        shell.must(("prlimit --pid %d --nofile=%d:4096"):format(server.pid, limit))
        socks = {}
        for i = 1, 60 do
            socks[i] = wire.connect(server)
            socks[i]:send("GET /wait/3000 HTTP/1.1\r\nHost: a\r\n\r\n")
        end
        local paused_s = socket.gettime()
        server:logged("http.accept.paused", true)
        local before_s = cpu_s(server.pid)
        socket.sleep(1)
        assert.is_true(cpu_s(server.pid) - before_s < 0.2)
        local lines = count_of(server:log(), "http%.accept%.paused")
        assert.is_true(lines <= socket.gettime() - paused_s + 2, lines .. " lines")
        close_all(socks)
        local began_s = socket.gettime()
        assert.equal(200, health(server))
        assert.is_true(socket.gettime() - began_s < 2.5) -- before the others are answered
    end)

    it("lets idle connections go for those that wait", function()
        local limit = open_descriptors(server.pid) + 5
        shell.must(("prlimit --pid %d --nofile=%d:4096"):format(server.pid, limit))
        socks = {}
        for i = 1, 30 do
            socks[i] = wire.connect(server)
        end
        local began_s = socket.gettime()
        assert.equal(200, health(server))
        assert.is_true(socket.gettime() - began_s < 20)
    end)
end)

describe("a server with as many connections as it may have", function()
    it("accepts the next when one goes", function()
        local server = wire.start({ ["http.connections_max"] = 16 })
        local socks = {}
        for i = 1, 16 do
            socks[i] = wire.connect(server)
            assert.equal(200, wire.ask(socks[i], "/seen").status)
        end
        local late = wire.connect(server)
        late:send(wire.ALIVE)
        late:settimeout(0.2)
        assert.same({ nil, "timeout" }, { wire.receive(late) })
        socks[1]:close()
        late:settimeout(2)
        assert.equal(200, wire.receive(late).status)
        late:close()
        close_all(socks)
        server:stop()
    end)
end)

describe("a server that is told to stop", function()
    local server

    before_each(function()
        server = wire.start()
    end)

    after_each(function()
        server:stop()
    end)

    it("answers what it has begun, closing, and takes no more connections", function()
        local sock = wire.connect(server)
        sock:send("GET /wait/1500 HTTP/1.1\r\nHost: a\r\n\r\n")
        socket.sleep(0.2)
        server:signal("TERM")
        shell.wait_until("no more connections", 20, function()
            local other = socket.connect("127.0.0.1", server.port)
            return not other or not other:close()
        end)
        local answer = wire.receive(sock)
        assert.equal(200, answer.status)
        assert.equal("close", answer.headers.connection)
        assert.is_true(wire.is_closed(sock))
    end)

    it("answers a request that is on its way on an idle connection", function()
        local sock = wire.connect(server)
        wire.ask(sock, "/seen")
        server:signal("TERM")
        socket.sleep(0.1)
        local answer = wire.ask(sock, "/seen")
        assert.equal(200, answer.status)
        assert.equal("close", answer.headers.connection)
    end)

    it("does not wait for idle connections", function()
        local socks = {}
        for i = 1, 10 do
            socks[i] = wire.connect(server)
            wire.ask(socks[i], "/seen")
        end
        local began_s = socket.gettime()
        server:stop()
        assert.is_true(socket.gettime() - began_s < 20)
        close_all(socks)
    end)
end)
